import type { CheckFamily, Commit, SimWorld } from "../contract.ts";
import type { EffectRow } from "../../../persistence/memory/state.ts";
import type { Lease } from "../../../runtime/store.ts";
import type { Change } from "../state-changes.ts";

type Status = EffectRow["status"];

const ended: readonly Status[] = ["done", "failed", "cancelled", "uncertain"];
const next: Record<Status, readonly Status[]> = {
  pending: ["pending", "running", "cancelled"],
  running: ["running", "pending", "done", "failed", "uncertain", "cancelled"],
  done: ["done"],
  failed: ["failed"],
  cancelled: ["cancelled"],
  uncertain: ["uncertain"],
};

/** 7, 8, 9: effects change only under their lease, end once, tell every attempt, and once-only ones are never repeated. */
export class EffectChecks implements CheckFamily {
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit(commit: Commit): void {
    this.#checkLease(commit);
    for (const change of commit.changes.effects) {
      const { key, before, after } = change;
      if (after === undefined) return this.#world.violated(8, `effect ${key} was removed`);
      if (before !== undefined) this.#checkStep(before, after, change);
      this.#checkAttempts(before, after, key);
      this.#checkOnce(before, after, key);
    }
  }

  #checkStep(before: EffectRow, after: EffectRow, { key }: Change<EffectRow>): void {
    if (!next[before.status].includes(after.status)) {
      this.#world.violated(8, `effect ${key} was ${before.status} and became ${after.status}`);
    }
    const tokens = after.token - before.token;
    if (tokens < 0 || tokens > 1)
      this.#world.violated(7, `the token of effect ${key} went from ${before.token} to ${after.token}`);
  }

  #checkAttempts(before: EffectRow | undefined, after: EffectRow, key: string): void {
    const known = before?.attempts ?? [];
    const isKept = known.every((attempt, index) => {
      const now = after.attempts[index];
      return (
        now?.token === attempt.token && (attempt.finishedAt === null || now.finishedAt === attempt.finishedAt)
      );
    });
    const isComplete =
      after.attempts.length === after.attempt &&
      after.attempts.every(({ attempt }, index) => attempt === index + 1);
    if (!isKept || !isComplete)
      this.#world.violated(8, `effect ${key} does not tell all of its ${after.attempt} attempts`);
    const last = after.attempts.at(-1);
    const isTold =
      !ended.includes(after.status) || after.status === "cancelled" || last?.outcome === after.status;
    if (!isTold)
      this.#world.violated(
        8,
        `effect ${key} is ${after.status}, its last attempt ${last?.outcome ?? "without outcome"}`,
      );
  }

  /** Typing that began is never begun again, nor called a failure of which nothing was written. */
  #checkOnce(before: EffectRow | undefined, after: EffectRow, key: string): void {
    if (after.port !== "deliverWake" || before === undefined || before.status === after.status) return;
    if (after.status !== "pending" && after.status !== "failed") return;
    // Whoever marked it knows whether a byte was written; whoever took it over does not.
    const isTakenOver = before.attempts.some(
      ({ startedAt, token }) => startedAt !== null && token !== before.token,
    );
    if (!isTakenOver && !this.#world.typedEffects.has(`${before.address}:${before.incarnation}`)) return;
    this.#world.violated(9, `delivery ${key} had begun to type and became ${after.status}`);
  }

  #checkLease({ method, args, changes, at, error }: Commit): void {
    if (error !== null) return;
    const rowBefore = (lease: Lease): EffectRow | undefined => {
      const key = `${lease.address} ${lease.incarnation}`;
      const change = changes.effects.find((candidate) => candidate.key === key);
      return change === undefined ? this.#world.state.effects.get(key) : change.before;
    };
    const requireHeld = (lease: Lease): void => {
      const row = rowBefore(lease);
      if (row?.token === lease.token && row.status === "running") return;
      this.#world.violated(
        7,
        `${method} for ${lease.address} ${lease.incarnation} was accepted under a lease that is lost`,
      );
    };
    if (method === "settleEffect" || method === "startEffect") requireHeld(args[0] as Lease);
    const options = method === "transaction" ? (args[1] as { lease?: Lease } | undefined) : undefined;
    if (options?.lease !== undefined) requireHeld(options.lease);
    if (method === "renewLeases") {
      const { leases } = args[0] as { leases: readonly Lease[] };
      for (const { key, before } of changes.effects) {
        // It may come back to the same node, which then holds the lost lease beside the new one.
        const isOwn = leases.some(
          ({ address, incarnation, token }) => `${address} ${incarnation}` === key && token === before?.token,
        );
        if (!isOwn) this.#world.violated(7, `a lease that is lost was renewed on ${key}`);
      }
    }
    if (method === "claimExpiredEffects") {
      const { nodeId } = args[0] as { nodeId: string };
      for (const { key, before } of changes.effects) {
        const isFree =
          before === undefined || before.nodeId === nodeId || (before.leaseExpiresAt ?? at) <= at;
        if (!isFree) this.#world.violated(7, `${key} was taken over while its lease was valid`);
      }
    }
  }
}
