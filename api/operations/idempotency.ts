import { createHash } from "node:crypto";
import { RouseError } from "../../runtime/errors.ts";
import type { IdempotencyRecord } from "../../runtime/store.ts";

/** Equal for equal payloads, whatever the order of their fields; the key itself does not count. */
export function payloadFingerprint(input: Readonly<Record<string, unknown>>): string {
  const { idempotency_key: _key, ...payload } = input;
  return createHash("sha256")
    .update(JSON.stringify(sorted(payload)))
    .digest("base64url");
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, entry]) => [key, sorted(entry)]));
}

/** The first result of this key. Throws `idempotency_conflict` when the key stood for something else. */
export function replay(
  found: IdempotencyRecord,
  call: Pick<IdempotencyRecord, "operation" | "fingerprint">,
): unknown {
  if (found.operation === call.operation && found.fingerprint === call.fingerprint) return found.response;
  throw new RouseError(
    "idempotency_conflict",
    `this idempotency key already stands for another ${found.operation} call`,
    {
      nextStep: "Use a fresh key for a new change; repeat a key only with the very same payload.",
      details: { operation: found.operation },
    },
  );
}
