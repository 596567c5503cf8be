import type { Address } from "../../machines/mail.ts";
import type { ActorEvent, TimerArm } from "../../runtime/store.ts";
import { insertMail } from "./mailbox.ts";
import { compare, type Scope, type TimerRow } from "./state.ts";

export function armTimer(
  { state, now }: Scope,
  address: Address,
  { id, incarnation, delayMs, event }: TimerArm,
): void {
  const dueAt = now + Math.ceil(Math.max(0, delayMs));
  state.timers.put(keyOf(address, id), { address, id, incarnation, dueAt, event: JSON.stringify(event) });
}

export function cancelTimer({ state }: Scope, address: Address, id: string): void {
  state.timers.delete(keyOf(address, id));
}

export function fireTimers(scope: Scope, limit: number): { fired: number; nextDueInMs: number | null } {
  const { state, now } = scope;
  const due = inOrder(state.timers.values().filter(({ dueAt }) => dueAt <= now)).slice(0, limit);
  for (const { address, id, incarnation, event } of due) {
    cancelTimer(scope, address, id);
    const cause = { type: "timer" as const, id, incarnation };
    insertMail(scope, { to: address, from: "timer", event: JSON.parse(event) as ActorEvent, cause });
  }
  const next = Math.min(...state.timers.values().map(({ dueAt }) => dueAt));
  return { fired: due.length, nextDueInMs: next === Infinity ? null : Math.max(0, next - now) };
}

export function listTimers(
  { state }: Scope,
  address: Address,
): { id: string; incarnation: number; dueAt: number }[] {
  const own = state.timers.values().filter((timer) => timer.address === address);
  return inOrder(own).map(({ id, incarnation, dueAt }) => ({ id, incarnation, dueAt }));
}

function inOrder(timers: readonly TimerRow[]): TimerRow[] {
  return timers.toSorted(
    (a, b) => compare(a.dueAt, b.dueAt) || compare(a.address, b.address) || compare(a.id, b.id),
  );
}

function keyOf(address: Address, id: string): string {
  return `${address} ${id}`;
}
