import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { releasedCharts, type RegisteredMachine } from "../../machines/registry.ts";
import type { Address } from "../../machines/mail.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { explore } from "../../runtime/model/explore.ts";
import { movesAt, walk, type Model, type Move, type Position } from "../../runtime/model/model.ts";
import type { HistoryEntry } from "../../runtime/replay.ts";
import type { ActorEvent, Cause } from "../../runtime/store.ts";
import { walks } from "./walks.ts";

/** Actors of released charts as they are stored, one file for each chart. `npm run golden` writes those of today. */

export interface GoldenSnapshot {
  record: ActorRecord;
  /** Epoch ms at which it was taken. */
  now: number;
  states: readonly string[];
  /** What may come next, each from here, and where the chart went with it. */
  next: readonly GoldenEvent[];
}

interface GoldenEvent {
  event: ActorEvent;
  cause: Cause | null;
  now: number;
  transitions: readonly string[];
  states: readonly string[];
}

export interface GoldenChart {
  kind: string;
  version: string;
  hash: string;
  address: Address;
  snapshots: readonly GoldenSnapshot[];
  /** Whole journals, played through the engine. */
  histories: readonly { address: Address; entries: readonly HistoryEntry[] }[];
}

const folder = fileURLToPath(new URL("../fixtures/golden/", import.meta.url));

export function readGolden(): GoldenChart[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".json"),
  );
  return files.toSorted().map((name) => JSON.parse(readFileSync(`${folder}${name}`, "utf8")) as GoldenChart);
}

/** Replaces what was recorded of charts that were never released. */
export function writeGolden(chart: GoldenChart): void {
  for (const old of readGolden()) {
    const isReleased = releasedCharts.some(({ kind, hash }) => kind === old.kind && hash === old.hash);
    if (old.kind === chart.kind && !isReleased) rmSync(pathOf(old));
  }
  mkdirSync(`${folder}${chart.kind}`, { recursive: true });
  writeFileSync(pathOf(chart), `${JSON.stringify(chart)}\n`);
}

function pathOf({ kind, version, hash }: Pick<GoldenChart, "kind" | "version" | "hash">): string {
  return `${folder}${kind}/${version}-${hash}.json`;
}

/** A snapshot for every state, invoke and timer of the chart that none of those before it shows. */
export function recordChart({ kind, version, machine }: RegisteredMachine): Omit<GoldenChart, "histories"> {
  const { models, whole } = walks[kind]!;
  const shown = new Set<string>();
  const snapshots: GoldenSnapshot[] = [];
  for (const model of models) {
    for (const { position, states } of explore(model, { limit: 3_000, depth: 6 }).vertices.values()) {
      const features = [
        ...states,
        ...Object.keys(position.record.invokes),
        ...Object.keys(position.record.timers),
      ];
      if (features.every((feature) => shown.has(feature))) continue;
      for (const feature of features) shown.add(feature);
      const { record, now } = position;
      snapshots.push({ record, now, states, next: nextOf(model, position) });
    }
  }
  return { kind, version, hash: machineHash(machine), address: whole.address, snapshots };
}

/** One move of each sort; of mail two. */
function nextOf(model: Model<never>, position: Position<never>): GoldenEvent[] {
  const moves = movesAt(model, position);
  const of = (type: Move["type"]): Move[] => moves.filter((move) => move.type === type);
  const mail = of("mail");
  const chosen = [of("timer")[0], of("done")[0], of("failed")[0], mail[0], mail.at(-1)];
  return [...new Set(chosen)].flatMap((move) => {
    if (move === undefined) return [];
    const { applied, after, step } = walk(model, position, move);
    const { event, cause } = applied!;
    return [{ event, cause, now: after.now, transitions: step.transitions, states: step.states }];
  });
}
