import type { Address } from "../../machines/mail.ts";
import type { ActorEvent, Cause, Mail, NewMail } from "../../runtime/store.ts";
import type { MailRow, Scope } from "./state.ts";

export function readMail({ state }: Scope, address: Address, limit: number): Mail[] {
  return (state.mailboxes.get(address) ?? []).slice(0, limit).map(toMail);
}

/** Returns how many were there. */
export function deleteMail({ state }: Scope, address: Address, consumed: readonly Mail[]): number {
  if (consumed.length === 0) return 0;
  const ids = new Set(consumed.map(({ id }) => id));
  const before = state.mailboxes.get(address) ?? [];
  const after = before.filter(({ id }) => !ids.has(String(id)));
  if (after.length === 0) state.mailboxes.delete(address);
  else state.mailboxes.put(address, after);
  return before.length - after.length;
}

/** Returns false when there is no addressee. */
export function insertMail(
  { state, now }: Scope,
  { to, from, event, cause = null }: NewMail & { cause?: Cause | null },
): boolean {
  if (!state.actors.has(to)) return false;
  const row = { id: state.nextId(), from, event: JSON.stringify(event), cause, sentAt: now };
  state.mailboxes.put(to, [...(state.mailboxes.get(to) ?? []), row]);
  return true;
}

export function publishMail(
  scope: Scope,
  { topic, from, event }: { topic: string; from: string; event: ActorEvent },
): void {
  for (const to of scope.state.subscriptions.get(topic) ?? []) insertMail(scope, { to, from, event });
}

function toMail({ id, from, event, cause, sentAt }: MailRow): Mail {
  return {
    id: String(id),
    from,
    event: JSON.parse(event) as ActorEvent,
    cause: cause === null ? null : { ...cause },
    sentAt,
  };
}
