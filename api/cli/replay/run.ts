import type { Address } from "../../../machines/mail.ts";
import type { EngineRecord } from "../../../machines/records.ts";
import { registeredMachines } from "../../../machines/registry.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { Registry, type MachineEntry } from "../../../runtime/registry.ts";
import { replay, type HistoryEntry, type Replay } from "../../../runtime/replay.ts";
import { loadSubjects } from "../check/load.ts";
import type { JournalEntry } from "../payloads.ts";

export interface ReplayReport extends Replay {
  actor: string;
  /** The file of the changed chart, or null. */
  machine: string | null;
  entries: number;
  /** The history came out as it was recorded. */
  faithful: boolean;
  /** Events that differ in the changed chart, its own timers included. */
  differences: number;
}

/** Throws `actor_not_found`, `invalid_input` for the file or the history, `machine_version_mismatch`. */
export async function replayJournal(
  actor: string,
  journal: readonly JournalEntry[],
  file: string | null,
): Promise<ReplayReport> {
  if (journal.length === 0) {
    throw new RouseError("actor_not_found", `there is no history of ${actor}`, {
      nextStep: "See rouse journal for the actors that have one.",
    });
  }
  const address = actor as Address;
  const [kind = ""] = address.split("/");
  const found = replay({
    address,
    kind,
    history: journal.map(toHistory),
    registry: new Registry(registeredMachines),
    changed: file === null ? null : await chartOf(file, kind),
  });
  const differences = found.events.filter(({ differs }) => differs.length > 0).length;
  const faithful = found.unfaithful.length === 0;
  return { actor, machine: file, entries: journal.length, faithful, differences, ...found };
}

function toHistory(entry: JournalEntry): HistoryEntry {
  const { seq, from, event, cause, transitions, states, dropped } = entry;
  // As the engine wrote them.
  const records = entry.records as unknown as EngineRecord[];
  const at = Date.parse(entry.at);
  return {
    seq,
    at,
    from,
    event,
    cause,
    transitions,
    states,
    dropped,
    records,
    machineHash: entry.machine_hash,
  };
}

async function chartOf(file: string, kind: string): Promise<MachineEntry> {
  const subjects = await loadSubjects(file);
  const found =
    subjects.find((subject) => subject.kind === kind) ?? (subjects.length === 1 ? subjects[0] : undefined);
  if (found !== undefined) {
    const { machine, ports = [] } = found;
    return { kind, version: machine.version ?? "changed", machine, ports };
  }
  throw new RouseError("invalid_input", `${file} exports several charts, none of them of kind ${kind}`, {
    nextStep: `Export only the one to replay with, or name it ${kind}: ${subjects.map((each) => each.kind).join(", ")} are there.`,
  });
}
