import type { CheckFamily, Commit, SimWorld } from "../contract.ts";
import type { ThreadStatus } from "../../../machines/participant/contract.ts";
import type { StoredJournalEntry } from "../../../runtime/store.ts";
import { policies } from "../profile.ts";

const next: Record<ThreadStatus, readonly ThreadStatus[]> = {
  active: ["active", "blocked", "resolved", "closed"],
  blocked: ["blocked", "active", "resolved", "closed"],
  resolved: ["resolved", "active", "closed"],
  closed: ["closed", "active"],
};

interface Count {
  idle: number;
  seen: string[];
  finding: string | null;
  findings: number;
  status: string;
}

/** 17, 22: a thread's status moves along the table only, and a loop blocks it. */
export class ThreadChecks implements CheckFamily {
  readonly #world: SimWorld;
  readonly #counts = new Map<string, Count>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit({ changes }: Commit): void {
    const entries = changes.journal.flatMap(({ after }) => after ?? []);
    const own = entries.filter(({ address }) => address.startsWith("thread/"));
    for (const entry of own.toSorted((a, b) => a.seq - b.seq)) this.#follow(entry);
    for (const { key, before, after } of changes.threads) {
      if (after === undefined) return this.#world.violated(22, `thread ${key} was removed`);
      if (before !== undefined && !next[before.status].includes(after.status)) {
        this.#world.violated(22, `thread ${key} went from ${before.status} to ${after.status}`);
      }
    }
    for (const entry of own) {
      const { address, states } = entry;
      const row = this.#world.state.threads.get(address.slice("thread/".length));
      const latest = own.findLast((other) => other.address === address);
      const isSame =
        latest !== entry ||
        row === undefined ||
        states.some((state) => state === `thread.status.${row.status}`);
      if (!isSame) this.#world.violated(22, `${address} is ${states.join(", ")}, its row ${row.status}`);
    }
  }

  #follow({ address, event, states, dropped }: StoredJournalEntry): void {
    const known = this.#counts.get(address) ?? fresh();
    const status = states.find((state) => state.startsWith("thread.status.")) ?? "";
    const before = known.status;
    this.#counts.set(address, known);
    if (event.type === "message.posted" && dropped === null) count(known, event);
    const isLoop =
      known.idle >= policies.thread.maxTurnsWithoutProgress ||
      known.findings >= policies.thread.maxRepeatedFindings;
    if (
      event.type === "message.posted" &&
      isLoop &&
      before === "thread.status.active" &&
      status !== "thread.status.blocked"
    ) {
      this.#world.violated(
        17,
        `${address} goes on after ${known.idle} turns without progress and ${known.findings} equal findings`,
      );
    }
    if (status === "thread.status.active" && before !== "thread.status.active") Object.assign(known, fresh());
    known.status = status;
  }
}

function fresh(): Count {
  return { idle: 0, seen: [], finding: null, findings: 0, status: "" };
}

function count(known: Count, event: Record<string, unknown>): void {
  if (event["byPerson"] === true) return void Object.assign(known, { ...fresh(), status: known.status });
  const print = String(event["fingerprint"]);
  const isIdle = event["contentFree"] === true || known.seen.includes(print);
  known.idle = isIdle ? known.idle + 1 : 0;
  if (!isIdle) known.seen = [...known.seen, print].slice(-32);
  if (event["finding"] !== true) return undefined;
  known.findings = known.finding === print ? known.findings + 1 : 1;
  known.finding = print;
  return undefined;
}
