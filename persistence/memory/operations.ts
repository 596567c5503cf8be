import type { IdempotencyRecord } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { copyOf, type Scope } from "./state.ts";

/** What operations keep beside the rows they change: idempotency keys, settings. */

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
