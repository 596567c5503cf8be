import type { ClaimedEffect, EffectAttempt, EffectKey, EffectOutcome, Lease } from "../../runtime/store.ts";
import { completionEvent, leaseLost } from "../completion.ts";
import { openEffects, putEffect, toRequest } from "./effects.ts";
import { insertMail } from "./mailbox.ts";
import { compare, copyOf, effectKey, type EffectRow, type Scope, type State } from "./state.ts";

export function claimEffects(
  scope: Scope,
  request: { nodeId: string; host: string; ports: readonly string[]; limit: number; leaseMs: number },
): ClaimedEffect[] {
  const { host, ports, limit } = request;
  const open = openEffects(scope.state);
  const taken = new Set(
    open.flatMap(({ leaseExpiresAt, exclusiveKey }) =>
      leaseExpiresAt !== null && exclusiveKey !== null ? exclusiveKey : [],
    ),
  );
  const ready = open
    .filter(({ status, runAt, port }) => status === "pending" && runAt <= scope.now && ports.includes(port))
    .filter(({ exclusiveKey }) => exclusiveKey === null || !taken.has(exclusiveKey))
    .toSorted(inOrderOfRun);
  const candidates = [null, host].flatMap((on) =>
    ready.filter((effect) => effect.host === on).slice(0, limit),
  );
  const chosen = candidates.toSorted(inOrderOfRun).filter(({ exclusiveKey }) => {
    if (exclusiveKey === null) return true;
    if (taken.has(exclusiveKey)) return false;
    taken.add(exclusiveKey);
    return true;
  });
  return chosen.slice(0, limit).map((effect) => lease(scope, effect, request));
}

export function claimExpiredEffects(
  scope: Scope,
  request: { nodeId: string; limit: number; leaseMs: number; includingOwn?: boolean },
): ClaimedEffect[] {
  const { nodeId: ownId, includingOwn = false } = request;
  const due = openEffects(scope.state)
    .filter(({ leaseExpiresAt }) => leaseExpiresAt !== null)
    .filter(
      ({ leaseExpiresAt, nodeId }) =>
        (leaseExpiresAt ?? Infinity) <= scope.now || (includingOwn && nodeId === ownId),
    );
  const withdrawn = due.filter(({ status }) => status === "cancelled");
  for (const effect of withdrawn) putEffect(scope.state, { ...effect, leaseExpiresAt: null });
  const expired = due
    .filter(({ status }) => status === "running")
    .toSorted((a, b) => compare(a.leaseExpiresAt ?? 0, b.leaseExpiresAt ?? 0) || inOrderOfAddress(a, b))
    .slice(0, request.limit);
  const claimed = expired.map((effect) => {
    const attempts = changeLast(effect, { outcome: "expired", finishedAt: scope.now });
    return { effect, claim: lease(scope, { ...effect, attempts }, request) };
  });
  return claimed.toSorted((a, b) => inOrderOfRun(a.effect, b.effect)).map(({ claim }) => claim);
}

/** Throws `lease_lost`. */
export function startEffect({ state, now }: Scope, lease: Lease): void {
  const effect = requireHeld(state, lease);
  putEffect(state, { ...effect, startedAt: now, attempts: changeLast(effect, { startedAt: now }) });
}

/** Returns the leases that are lost. */
export function renewLeases(
  { state, now }: Scope,
  { leases, leaseMs }: { leases: readonly Lease[]; leaseMs: number },
): Lease[] {
  return leases.filter((lease) => {
    const effect = findHeld(state, lease);
    if (effect !== undefined) putEffect(state, { ...effect, leaseExpiresAt: now + leaseMs });
    return effect === undefined;
  });
}

/** Nothing happens unless the effect was cancelled under this very lease. */
export function releaseEffect({ state }: Scope, lease: Lease): void {
  const effect = state.effects.get(effectKey(lease));
  if (effect?.status !== "cancelled" || effect.token !== lease.token) return;
  putEffect(state, { ...effect, leaseExpiresAt: null });
}

/** Throws `lease_lost`. */
export function settleEffect(scope: Scope, lease: Lease, outcome: EffectOutcome): void {
  const { state, now } = scope;
  const effect = requireHeld(state, lease);
  const error = "error" in outcome ? copyOf(outcome.error) : null;
  const attempts = changeLast(effect, { outcome: outcome.status, error, finishedAt: now });
  const ended = { ...effect, leaseExpiresAt: null, attempts };
  if (outcome.status === "retry") {
    const runAt = now + Math.ceil(outcome.delayMs);
    return putEffect(state, { ...ended, status: "pending", runAt, startedAt: null });
  }
  const result = "error" in outcome ? error : copyOf(outcome.output);
  putEffect(state, { ...ended, status: outcome.status, finishedAt: now, outcome: result });
  const completion = completionEvent(effect, outcome);
  if (completion !== null) insertMail(scope, { to: lease.address, ...completion });
}

/** Throws `lease_lost`. */
export function requireHeld(state: State, lease: Lease): EffectRow {
  const effect = findHeld(state, lease);
  if (effect === undefined) throw leaseLost(lease);
  return effect;
}

export function listAttempts({ state }: Scope, key: EffectKey): EffectAttempt[] {
  return copyOf([...(state.effects.get(effectKey(key))?.attempts ?? [])]);
}

function findHeld(state: State, lease: Lease): EffectRow | undefined {
  const effect = state.effects.get(effectKey(lease));
  return effect?.status === "running" && effect.token === lease.token ? effect : undefined;
}

function lease(
  { state, now }: Scope,
  effect: EffectRow,
  { nodeId, leaseMs }: { nodeId: string; leaseMs: number },
): ClaimedEffect {
  const attempt = effect.attempt + 1;
  const token = effect.token + 1;
  const begun: EffectAttempt = {
    attempt,
    nodeId,
    token,
    claimedAt: now,
    startedAt: null,
    finishedAt: null,
    outcome: null,
    error: null,
  };
  const attempts = [...effect.attempts, begun];
  const leaseExpiresAt = now + leaseMs;
  putEffect(state, {
    ...effect,
    status: "running",
    nodeId,
    attempt,
    token,
    leaseExpiresAt,
    claimedAt: now,
    attempts,
  });
  return {
    ...toRequest(effect),
    lease: { address: effect.address, incarnation: effect.incarnation, token },
    attempt,
    startedBefore: effect.startedAt !== null,
    requestedAt: effect.requestedAt,
  };
}

function changeLast({ attempts }: EffectRow, change: Partial<EffectAttempt>): EffectAttempt[] {
  return attempts.map((attempt, index) =>
    index === attempts.length - 1 ? { ...attempt, ...change } : attempt,
  );
}

function inOrderOfRun(a: EffectRow, b: EffectRow): number {
  return compare(a.runAt, b.runAt) || inOrderOfAddress(a, b);
}

function inOrderOfAddress(a: EffectRow, b: EffectRow): number {
  return compare(a.address, b.address) || compare(a.incarnation, b.incarnation);
}
