import { isDeepStrictEqual } from "node:util";
import type { Address } from "../machines/mail.ts";
import { RouseError } from "./errors.ts";
import type { DropReason } from "./kernel.ts";
import type { MachineEntry, Registry } from "./registry.ts";
import { ReplayWorld, type Outcome } from "./replay-world.ts";
import type { ActorEvent, StoredJournalEntry } from "./store.ts";

/**
 * Runs an actor's recorded history again: through the charts that recorded it, where every step must come out as the
 * journal says, and through a changed chart, to see where it would have gone another way. Pure.
 */

export type HistoryEntry = Omit<StoredJournalEntry, "journalId" | "address">;

export interface ReplayRequest {
  address: Address;
  kind: string;
  /** The journal from its first entry, in order of `seq`. */
  history: readonly HistoryEntry[];
  /** Knows the charts of the history. */
  registry: Registry;
  /** Null: only whether the history comes out as recorded. */
  changed: MachineEntry | null;
}

/** What two runs of one event may differ in. */
export type Aspect = "states" | "transitions" | "effects" | "timers" | "mail" | "records" | "fate";

export interface ReplayedEvent {
  /** Null for a timer that fires only in the changed chart. */
  seq: number | null;
  /** Epoch ms. */
  at: number;
  from: string;
  event: ActorEvent;
  recorded: Outcome | null;
  changed: Outcome | null;
  differs: readonly Aspect[];
}

export interface Replay {
  events: readonly ReplayedEvent[];
  /** Where the charts of the history do not do what the journal says: must be empty. */
  unfaithful: readonly { seq: number; differs: readonly Aspect[] }[];
  /** Entries that no chart took part in: set aside, released, migrated. */
  skipped: number;
}

/** More timers of its own than this between two recorded events: a chart that runs in circles. */
const mostOwnTimers = 1_000;

/** Throws `invalid_input` when the history has gaps, `machine_version_mismatch` when a chart of it is not known. */
export function replay({ address, kind, history, registry, changed }: ReplayRequest): Replay {
  requireWhole(address, history);
  const recorded = new ReplayWorld(address);
  const other = changed === null ? null : new ReplayWorld(address);
  const events: ReplayedEvent[] = [];
  const unfaithful: Replay["unfaithful"][number][] = [];
  let skipped = 0;
  let now = 0;
  for (const entry of history) {
    // A transaction's time is that of its beginning; the kernel never went back behind what it found.
    now = Math.max(now, entry.at);
    if (other !== null) events.push(...ownTimers(other, recorded, { until: now, changed }));
    if (isNote(entry)) {
      skipped += 1;
      if (entry.event.type === "machine.migrated") migrate(recorded, registry, { entry, kind, now });
      continue;
    }
    const chart = chartOf(registry, { entry, kind, address });
    const shared = other?.sharesCause(recorded, entry.cause) ?? false;
    const wasRunning = recorded.runs(entry.cause);
    const ours = entry.dropped === "poison" ? recorded.refuse() : recorded.apply(chart, entry, now);
    const differs = unlikeJournal(ours, entry);
    if (differs.length > 0) unfaithful.push({ seq: entry.seq, differs });
    const theirs =
      other === null || changed === null ? null : other.follow(changed, entry, { now, shared, wasRunning });
    events.push({
      ...{ seq: entry.seq, at: now, from: entry.from, event: entry.event },
      ...{ recorded: ours, changed: theirs, differs: theirs === null ? [] : differences(ours, theirs) },
    });
  }
  return { events, unfaithful, skipped };
}

function ownTimers(
  world: ReplayWorld,
  recorded: ReplayWorld,
  { until, changed }: { until: number; changed: MachineEntry | null },
): ReplayedEvent[] {
  const fired: ReplayedEvent[] = [];
  if (changed === null) return fired;
  let next = world.nextOwnTimer(recorded, until);
  while (next !== null && fired.length < mostOwnTimers) {
    fired.push({
      ...{ seq: null, at: next.at, from: "timer", event: next.event },
      ...{ recorded: null, changed: world.fire(changed, next), differs: ["fate"] },
    });
    next = world.nextOwnTimer(recorded, until);
  }
  return fired;
}

const chartsOwnDrops: readonly (string | null)[] = [
  ...[null, "poison"],
  ...(["finished", "staleInvoke", "staleTimer", "reservedEvent"] satisfies DropReason[]),
];

/** What the engine noted beside the chart's own steps: set aside, released, migrated. */
function isNote({ event, dropped }: HistoryEntry): boolean {
  return event.type === "machine.migrated" || !chartsOwnDrops.includes(dropped);
}

function migrate(
  world: ReplayWorld,
  registry: Registry,
  { entry, kind, now }: { entry: HistoryEntry; kind: string; now: number },
): void {
  const { hash, version } = entry.event["before"] as { hash: string; version: string };
  const actor = { address: world.address, kind, machineHash: hash, machineVersion: version };
  world.migrate(registry.routeFor(actor), now);
}

function chartOf(
  registry: Registry,
  { entry, kind, address }: { entry: HistoryEntry; kind: string; address: Address },
): MachineEntry {
  const found = registry.find({ kind, machineHash: entry.machineHash });
  if (found !== null) return found;
  throw new RouseError(
    "machine_version_mismatch",
    `entry ${entry.seq} of ${address} was recorded by chart ${kind}@${entry.machineHash}, which is not among those known here`,
    { nextStep: "Replay it with the version of Rouse that recorded it." },
  );
}

function requireWhole(address: Address, history: readonly HistoryEntry[]): void {
  const gap = history.findIndex(({ seq }, index) => seq !== index + 1);
  if (history.length > 0 && gap === -1) return;
  const what = history.length === 0 ? "is empty" : `has no entry ${gap + 1}`;
  throw new RouseError("invalid_input", `the history of ${address} ${what}`, {
    nextStep: "Replay a whole journal, from the creation on.",
  });
}

function unlikeJournal(outcome: Outcome, entry: HistoryEntry): Aspect[] {
  if (entry.dropped === "poison") return [];
  const aspects: Aspect[] = [];
  if (outcome.fate !== (entry.dropped === null ? "applied" : `dropped: ${entry.dropped}`))
    aspects.push("fate");
  if (!isDeepStrictEqual(outcome.states, entry.states)) aspects.push("states");
  if (!isDeepStrictEqual(outcome.transitions, entry.transitions)) aspects.push("transitions");
  if (!isDeepStrictEqual(outcome.records, plain(entry.records))) aspects.push("records");
  return aspects;
}

const compared = ["fate", "states", "transitions", "effects", "timers", "mail", "records"] as const;

function differences(ours: Outcome, theirs: Outcome): Aspect[] {
  return compared.filter((aspect) => !isDeepStrictEqual(ours[aspect], theirs[aspect]));
}

/** As it reads after it was stored. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
