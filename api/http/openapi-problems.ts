import { errorCodes, type ErrorCode } from "../../runtime/errors.ts";
import { schemaVersion, type Operation } from "../operations/operation.ts";
import type { Json } from "./openapi-schema.ts";
import { problemMediaType } from "./problem-details.ts";

/** Which problems a call may be answered with, and how they are described. */

export const anyCall: readonly ErrorCode[] = [
  ...(["invalid_input", "unauthenticated", "token_expired", "token_revoked", "forbidden"] as const),
  ...(["identity_mismatch", "request_timeout", "rate_limited", "overloaded", "draining"] as const),
  ...(["database_unavailable", "internal"] as const),
];
const anyChange: readonly ErrorCode[] = [
  ...(["body_too_large", "idempotency_conflict", "conflict", "commit_outcome_unknown"] as const),
];

/** All codes that an operation may answer with. */
export function codesOf(operation: Operation): ErrorCode[] {
  const { readOnly, refusals = [] } = operation;
  return [...new Set([...anyCall, ...(readOnly ? [] : anyChange), ...refusals])];
}

/** One response for each status, naming the codes that come with it; those of any call stand once for all. */
export function problems(codes: readonly ErrorCode[], example?: Json): Json {
  const byStatus = Object.groupBy(codes, (code) => errorCodes[code].status);
  const entries = Object.entries(byStatus).map(([status, found]) => {
    const shown = example?.["status"] === Number(status) ? example : undefined;
    const isCommon = shown === undefined && found.every((code) => anyCall.includes(code));
    const isWhole =
      found.length === anyCall.filter((code) => errorCodes[code].status === Number(status)).length;
    const response =
      isCommon && isWhole
        ? { $ref: `#/components/responses/Problem${status}` }
        : problemResponse(found, shown);
    return [status, response] as const;
  });
  return Object.fromEntries(entries);
}

export function commonProblems(): Json {
  const byStatus = Object.groupBy(anyCall, (code) => errorCodes[code].status);
  const entries = Object.entries(byStatus).map(
    ([status, found]) => [`Problem${status}`, problemResponse(found)] as const,
  );
  return Object.fromEntries(entries);
}

function problemResponse(codes: readonly ErrorCode[], example?: Json): Json {
  const mayWait = codes.some((code) => [429, 503].includes(errorCodes[code].status));
  const retryAfter = { "retry-after": { schema: { type: "integer" }, description: "Seconds." } };
  return {
    description: codes.map((code) => `\`${code}\``).join(", "),
    ...(mayWait ? { headers: retryAfter } : {}),
    content: {
      [problemMediaType]: {
        schema: { $ref: "#/components/schemas/Problem" },
        ...(example === undefined ? {} : { example }),
      },
    },
  };
}

/** RFC 9457, with our own fields. Codes of a newer node are not listed here. */
export function problemSchema(): Json {
  const text = { type: "string" };
  return {
    type: "object",
    description: "Problem details by RFC 9457. Branch on `code`; show `message` and `next_step`.",
    properties: {
      ...{ type: text, title: text, status: { type: "integer" }, detail: text, instance: text },
      schema_version: { const: schemaVersion },
      code: { ...text, description: `One of: ${Object.keys(errorCodes).join(", ")}.` },
      message: text,
      next_step: { ...text, description: "What the reader can do next." },
      retryable: { type: "boolean", description: "Whether the same call may succeed later." },
      details: { type: "object", description: "Facts for programs." },
      request_id: text,
    },
    required: [
      ...["type", "title", "status", "detail", "instance", "schema_version"],
      ...["code", "message", "next_step", "retryable", "details", "request_id"],
    ],
  };
}
