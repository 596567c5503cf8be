import type { z } from "zod";
import { RouseError } from "../../runtime/errors.ts";
import type { Caller } from "./caller.ts";
import type { Operation } from "./operation.ts";

/** Names under which a payload may state who calls; the token alone decides, so they may only agree with it. */
export const identityClaims = {
  workspace_id: (caller: Caller) => caller.workspaceId,
  author: (caller: Caller) => caller.agentId,
  caller_id: (caller: Caller) => caller.agentId,
  agent_id: (caller: Caller) => caller.agentId,
  sender: (caller: Caller) => caller.agentId,
  role: (caller: Caller) => caller.role,
} as const;

/** The checked input. Throws `invalid_input` naming every wrong field, `identity_mismatch`. */
export function validateInput(operation: Operation, caller: Caller, raw: unknown): Record<string, unknown> {
  if (typeof raw !== "object" || raw === null || Array.isArray(raw)) {
    throw new RouseError("invalid_input", `${operation.name} takes a JSON object`, {
      nextStep: "Send the fields of the operation as one JSON object.",
    });
  }
  const parsed = operation.input.safeParse(withoutEnvelope(operation, caller, { ...raw }));
  if (parsed.success) return parsed.data as Record<string, unknown>;
  throw invalidInput(parsed.error.issues);
}

function withoutEnvelope(
  operation: Operation,
  caller: Caller,
  raw: Record<string, unknown>,
): Record<string, unknown> {
  const rest = { ...raw };
  const fields = (operation.input as z.ZodObject).shape;
  for (const [name, truth] of Object.entries(identityClaims)) {
    if (!(name in rest) || name in fields) continue;
    if (rest[name] !== truth(caller)) throw identityMismatch(name);
    delete rest[name];
  }
  // A client may state the version it was written for.
  if (rest["schema_version"] === 1) delete rest["schema_version"];
  return rest;
}

export function identityMismatch(field: string): RouseError {
  return new RouseError("identity_mismatch", `${field} is not what the token says`, {
    nextStep: `Leave ${field} out: who calls is read from the token only.`,
    details: { field },
  });
}

export function invalidInput(issues: readonly z.core.$ZodIssue[]): RouseError {
  const named = issues.slice(0, 10).map(({ path, message }) => ({ path: path.join("."), message }));
  const text = named.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  return new RouseError("invalid_input", text, {
    nextStep: "Correct the named fields and repeat the call.",
    details: { issues: named },
  });
}
