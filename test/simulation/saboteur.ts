import type { SimProcess, SimWorld } from "./contract.ts";
import { worldFaults, type FaultKind } from "./profile.ts";

/** Faults that strike whole machines rather than one act. */
export function startSaboteur(world: SimWorld): void {
  const enabled = worldFaults.filter((kind) => world.profile.faults.has(kind));
  if (enabled.length > 0) world.go(() => sabotage(world, enabled));
}

const stream = "saboteur";
const frequent: readonly FaultKind[] = ["stall", "drain", "programReplaced"];

async function sabotage(world: SimWorld, enabled: readonly FaultKind[]): Promise<void> {
  const { choices } = world;
  const kinds = [...enabled, ...enabled.filter((kind) => frequent.includes(kind))];
  for (;;) {
    await world.sleep(choices.between(stream, 100, choices.one(stream, [1_000, 5_000])));
    if (world.isCalm) return;
    const kind = choices.one(stream, kinds);
    const living = world.living();
    if (living.length === 0) continue;
    world.count(kind);
    world.note(world.people, `⚡ ${kind}`);
    strikeWith(world, kind, choices.one(stream, living));
  }
}

function strikeWith(world: SimWorld, kind: FaultKind, process: SimProcess): void {
  const { choices, scheduler } = world;
  const later = (ms: number, end: () => void): void => void scheduler.schedule(world.people, ms, "", end);
  switch (kind) {
    case "crash":
      return world.crash(process);
    case "stall":
      process.stalledUntil =
        scheduler.now + choices.between(stream, 500, choices.one(stream, [12_000, 20_000, 45_000]));
      return undefined;
    case "outage":
    case "readOnly":
      world.database = kind === "outage" ? "away" : "readOnly";
      return later(
        choices.between(stream, 200, choices.one(stream, [2_000, 15_000])),
        () => (world.database = "up"),
      );
    case "clockJump":
      process.clockOffsetMs += choices.one(stream, [-600_000, -5_000, 5_000, 600_000]);
      return undefined;
    case "drain":
      return drain(world, process);
    case "lostRings":
      world.ringsAreLost = true;
      return later(choices.between(stream, 1_000, 10_000), () => (world.ringsAreLost = false));
    case "night":
      scheduler.now += 13 * 3_600_000;
      return undefined;
    default:
      return strikeProgram(world, kind);
  }
}

function strikeProgram(world: SimWorld, kind: FaultKind): void {
  const { choices } = world;
  const host = choices.one(stream, [...world.hosts.keys()]);
  const { scripted, places } = world.hostOf(host);
  const living = [...places].filter((id) => world.programIn(host, id) !== null);
  if (living.length === 0) return;
  const id = choices.one(stream, living);
  world.touched(host, id);
  if (kind === "programReplaced") world.replaced.add(`${host} ${id}`);
  if (kind === "programEnds") scripted.programEnds(id);
  if (kind === "programReplaced") scripted.programIsReplaced(id);
  if (kind === "bareShell") scripted.foregroundBecomes(id, "bash");
}

/** An orderly restart. */
function drain(world: SimWorld, process: SimProcess): void {
  if (process.drainingSinceStep !== null) return;
  process.drainingSinceStep = world.scheduler.steps;
  world.note(process, "drains");
  const stop = world.planted.drain?.(process, world) ?? process.node.stop();
  const finish = async (): Promise<void> => {
    await stop;
    world.checks.onDrained(process);
    world.retire(process);
  };
  // It may vanish before: nobody waits for it.
  void finish();
}
