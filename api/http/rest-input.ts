import { RouseError } from "../../runtime/errors.ts";
import { inputSchema } from "../operations/json-schema.ts";
import type { Operation } from "../operations/operation.ts";

export interface RestRequest {
  params: unknown;
  query: unknown;
  body: unknown;
  idempotencyKey: string | undefined;
}

export type ReadInput = (request: RestRequest) => unknown;

/** How a route's path, query or body and `Idempotency-Key` become the operation's one flat input. */
export function restInput(operation: Operation): ReadInput {
  const types = new Map(
    Object.entries(inputSchema(operation).properties).map(([name, schema]) => [name, typeOf(schema)]),
  );
  const isFromQuery = operation.http.method === "GET";
  return ({ params, query, body, idempotencyKey }) => {
    const given = isFromQuery ? coerced(types, asObject(query)) : (body ?? {});
    if (typeof given !== "object" || given === null || Array.isArray(given)) return given;
    const key = idempotencyKey === undefined || operation.readOnly ? {} : { idempotency_key: idempotencyKey };
    return merged(given, { ...asObject(params), ...key });
  };
}

/** What the address and the headers say may be repeated in the body, not contradicted. */
function merged(given: object, fixed: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...given };
  for (const [name, value] of Object.entries(fixed)) {
    if (fields[name] !== undefined && fields[name] !== value) {
      throw new RouseError("invalid_input", `${name}: differs from what the address or header says`, {
        nextStep: `Leave ${name} out of the body.`,
        details: { issues: [{ path: name, message: "contradicts the address or header" }] },
      });
    }
    fields[name] = value;
  }
  return fields;
}

/** Query values are text; what does not look like the type stays text, and validation names it. */
function coerced(
  types: ReadonlyMap<string, unknown>,
  query: Record<string, unknown>,
): Record<string, unknown> {
  const entries = Object.entries(query).map(([name, value]) => [name, coerce(types.get(name), value)]);
  return Object.fromEntries(entries) as Record<string, unknown>;
}

function coerce(type: unknown, value: unknown): unknown {
  if (typeof value !== "string") return value;
  if (type === "integer" && /^-?\d{1,15}$/.test(value)) return Number(value);
  if (type === "boolean" && (value === "true" || value === "false")) return value === "true";
  return value;
}

function typeOf(schema: object): unknown {
  return "type" in schema ? schema.type : undefined;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
