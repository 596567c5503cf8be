import type { ActKind, SimProcess, SimWorld } from "./contract.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { FaultKind } from "./profile.ts";

type Perform = <Result>(work: () => Promise<Result>) => Promise<Result>;

const possible: Record<ActKind, readonly FaultKind[]> = {
  read: ["crashBefore", "crashAfter", "databaseUnavailable"],
  write: ["crashBefore", "crashAfter", "databaseUnavailable", "outcomeUnknownDone", "outcomeUnknownLost"],
  transaction: [
    "crashBefore",
    "crashAfter",
    "databaseUnavailable",
    "outcomeUnknownDone",
    "outcomeUnknownLost",
    "conflict",
  ],
  terminal: ["crashBefore", "crashAfter", "terminalFailed"],
  local: ["crashBefore", "crashAfter"],
};

/** The fault that strikes this act, as what becomes of it; null when none does. */
export function strike(world: SimWorld, process: SimProcess, kind: ActKind): Perform | null {
  if (world.isCalm) return null;
  if (isAway(world, kind)) return unavailable;
  const { faults, faultRate } = world.profile;
  if (!world.choices.chance("fault", faultRate)) return null;
  const kinds = possible[kind].filter((candidate) => faults.has(candidate));
  if (kinds.length === 0) return null;
  const fault = world.choices.one("fault", kinds);
  world.count(fault);
  world.note(process, `⚡ ${fault}`);
  return performFault(world, process, fault);
}

function isAway({ database }: SimWorld, kind: ActKind): boolean {
  if (kind === "terminal" || kind === "local") return false;
  return database === "away" || (database === "readOnly" && kind !== "read");
}

function performFault(world: SimWorld, process: SimProcess, fault: FaultKind): Perform {
  switch (fault) {
    case "crashBefore":
      return () => {
        world.crash(process);
        return never();
      };
    case "crashAfter":
      return async (work) => {
        await work().catch(() => undefined);
        world.crash(process);
        return never();
      };
    case "outcomeUnknownDone":
      return async (work) => {
        await work();
        throw new RouseError("commit_outcome_unknown", "the connection broke during commit");
      };
    case "outcomeUnknownLost":
      return () =>
        Promise.reject(new RouseError("commit_outcome_unknown", "the connection broke during commit"));
    case "conflict":
      return () => Promise.reject(new RouseError("conflict", "somebody else was faster"));
    case "terminalFailed":
      return async (work) => {
        // It may have arrived all the same.
        if (world.choices.chance("fault", 0.5)) await work();
        throw new RouseError("terminal_failed", "the terminal did not answer in time");
      };
    default:
      return unavailable;
  }
}

function unavailable(): Promise<never> {
  return Promise.reject(new RouseError("database_unavailable", "the database does not answer"));
}

function never(): Promise<never> {
  return new Promise(() => {});
}
