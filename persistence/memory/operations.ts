import type { AuditEntry, Page } from "../../runtime/domain.ts";
import type { IdempotencyRecord } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { pageOf } from "../page.ts";
import { copyOf, type Scope } from "./state.ts";

/** What operations keep beside the rows they change: idempotency keys, audit, revoked tokens, settings. */

export interface IdempotencyKey {
  caller: string;
  key: string;
}

export function getIdempotent({ state }: Scope, key: IdempotencyKey): IdempotencyRecord | null {
  const record = state.idempotency.get(idOf(key));
  return record === undefined ? null : copyOf(record);
}

export function putIdempotent({ state }: Scope, key: IdempotencyKey, record: IdempotencyRecord): void {
  if (state.idempotency.has(idOf(key))) {
    throw conflict(`The idempotency key ${key.key} was used by another call at the same time.`);
  }
  const { operation, fingerprint, response } = record;
  state.idempotency.put(idOf(key), { operation, fingerprint, response: copyOf(response ?? null) });
}

export function appendAudit({ state, now }: Scope, entry: Omit<AuditEntry, "at">): void {
  const id = state.nextId();
  state.audit.put(String(id), { id, entry: { ...entry, at: now, details: copyOf(entry.details) } });
}

/** Newest first. */
export function listAudit(
  { state }: Scope,
  { after, limit }: { after?: string; limit: number },
): Page<AuditEntry> {
  const rows = state.audit
    .values()
    .filter(({ id }) => after === undefined || id < Number(after))
    .toSorted((a, b) => b.id - a.id)
    .slice(0, limit + 1);
  const page = pageOf(rows, limit, ({ id }) => String(id));
  return { rows: page.rows.map(({ entry }) => copyOf(entry)), next: page.next };
}

export function revokeToken({ state }: Scope, { jti }: { jti: string }): void {
  state.revokedTokens.put(jti, true);
}

export function isTokenRevoked({ state }: Scope, jti: string): boolean {
  return state.revokedTokens.has(jti);
}

/** Null when it was never put. */
export function getSetting({ state }: Scope, name: string): unknown {
  return JSON.parse(state.settings.get(name) ?? "null");
}

export function putSetting({ state }: Scope, name: string, value: unknown): void {
  state.settings.put(name, JSON.stringify(value ?? null));
}

function idOf({ caller, key }: IdempotencyKey): string {
  return JSON.stringify([caller, key]);
}
