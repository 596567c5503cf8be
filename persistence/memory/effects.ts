import type { Address } from "../../machines/mail.ts";
import type { EffectKey, EffectRequest, StoredEffect } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { compare, copyOf, effectKey, type EffectRow, type Scope, type State } from "./state.ts";

export function requestEffect({ state, now }: Scope, address: Address, request: EffectRequest): void {
  const key = effectKey({ address, incarnation: request.incarnation });
  if (state.effects.has(key)) throw conflict("An effect of this incarnation exists already.");
  putEffect(state, {
    ...request,
    input: copyOf(request.input),
    address,
    status: "pending",
    attempt: 0,
    nodeId: null,
    nextTryAt: null,
    requestedAt: now,
    startedAt: null,
    finishedAt: null,
    outcome: null,
    token: 0,
    leaseExpiresAt: null,
    runAt: now,
    claimedAt: null,
    attempts: [],
  });
}

export function cancelEffect({ state, now }: Scope, key: EffectKey): void {
  const effect = state.effects.get(effectKey(key));
  if (effect === undefined || !isOpen(effect)) return;
  const attempts = effect.attempts.map((attempt) =>
    attempt.finishedAt === null ? { ...attempt, outcome: "cancelled" as const, finishedAt: now } : attempt,
  );
  // With an exclusive key the lease stays until its performer has stopped.
  const leaseExpiresAt = effect.exclusiveKey === null ? null : effect.leaseExpiresAt;
  putEffect(state, { ...effect, status: "cancelled", finishedAt: now, leaseExpiresAt, attempts });
}

export function putEffect(state: State, effect: EffectRow): void {
  const key = effectKey(effect);
  state.effects.put(key, effect);
  if (isOpen(effect) || effect.leaseExpiresAt !== null) state.openEffects.put(key, key);
  else state.openEffects.delete(key);
}

export function openEffects(state: State): EffectRow[] {
  return state.openEffects.values().flatMap((key) => state.effects.get(key) ?? []);
}

export function listEffects(
  { state }: Scope,
  { address, status, limit }: { address?: Address; status?: StoredEffect["status"]; limit: number },
): StoredEffect[] {
  return state.effects
    .values()
    .filter((effect) => address === undefined || effect.address === address)
    .filter((effect) => status === undefined || effect.status === status)
    .toSorted((a, b) => -inOrderOfRequest(a, b))
    .slice(0, limit)
    .map(toEffect);
}

export function getEffect({ state }: Scope, key: EffectKey): StoredEffect | null {
  const effect = state.effects.get(effectKey(key));
  return effect === undefined ? null : toEffect(effect);
}

export function nextEffectInMs({ state, now }: Scope): number | null {
  const waiting = openEffects(state).filter(({ status, runAt }) => status === "pending" && runAt > now);
  return waiting.length === 0 ? null : Math.min(...waiting.map(({ runAt }) => runAt)) - now;
}

export function inOrderOfRequest(a: StoredEffect, b: StoredEffect): number {
  return (
    compare(a.requestedAt, b.requestedAt) ||
    compare(a.address, b.address) ||
    compare(a.incarnation, b.incarnation)
  );
}

export function toRequest(effect: EffectRow): EffectRequest {
  const { invokeId, incarnation, port, input, host, exclusiveKey, correlation } = effect;
  return { invokeId, incarnation, port, input: copyOf(input), host, exclusiveKey, correlation };
}

export function toEffect(effect: EffectRow): StoredEffect {
  const { address, status, attempt, nodeId, requestedAt, startedAt, claimedAt, finishedAt, outcome } = effect;
  const { runAt, leaseExpiresAt } = effect;
  return {
    ...toRequest(effect),
    address,
    status,
    attempt,
    nodeId,
    nextTryAt: status === "pending" ? runAt : null,
    leaseExpiresAt,
    requestedAt,
    startedAt: startedAt ?? claimedAt,
    finishedAt,
    outcome: copyOf(outcome),
  };
}

function isOpen({ status }: EffectRow): boolean {
  return status === "pending" || status === "running";
}
