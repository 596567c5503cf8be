import type { z } from "zod";
import { errorCodes, isRouseError, type RouseError } from "../../runtime/errors.ts";
import type { AuditChange, NewAuditEntry } from "../../runtime/domain.ts";
import type { Caller } from "./caller.ts";
import type { Operation } from "./operation.ts";
import { identityClaims } from "./validate.ts";

export interface AuditedCall {
  operation: Operation;
  caller: Caller;
  /** As the caller sent it when it was refused, as validated otherwise. */
  input: unknown;
  requestId: string;
}

export function doneEntry(call: AuditedCall, changes: readonly AuditChange[]): NewAuditEntry {
  return { ...common(call), outcome: "done", code: null, changes: bounded(changes) };
}

export function refusedEntry(call: AuditedCall, error: RouseError): NewAuditEntry {
  return { ...common(call), outcome: "refused", code: error.code, changes: [] };
}

/** A request that was refused before any operation saw it; null: no token named its caller. */
export function refusedRequestEntry(
  { caller, operation, requestId }: { caller: Caller | null; operation: string; requestId: string | null },
  error: RouseError,
): NewAuditEntry {
  return {
    actor: caller?.agentId ?? "anonymous",
    role: caller?.role ?? "anonymous",
    ...{ operation, subject: "workspace", outcome: "refused", code: error.code },
    ...{ reason: null, details: null, changes: [], requestId },
  };
}

/** A decision against the caller. What a repetition may cure, and our own failures, are no refusals. */
export function isRefusal(error: unknown): error is RouseError {
  return isRouseError(error) && error.code !== "conflict" && errorCodes[error.code].status < 500;
}

const mostChanges = 16;

function bounded(changes: readonly AuditChange[]): AuditChange[] {
  return changes.slice(0, mostChanges).map(({ of, before, after }) => ({
    of: brief(of) ?? "",
    before: scalar(before),
    after: scalar(after),
  }));
}

type Common = Omit<NewAuditEntry, "outcome" | "code" | "changes">;

function common({ operation, caller, input, requestId }: AuditedCall): Common {
  const fields = typeof input === "object" && input !== null ? (input as Record<string, unknown>) : {};
  return {
    actor: caller.agentId,
    role: caller.role,
    operation: operation.name,
    subject: subjectOf(fields),
    reason: brief(fields["reason"]),
    details: detailsOf(operation, fields),
    requestId,
  };
}

function subjectOf(fields: Record<string, unknown>): string {
  const thread = brief(fields["thread_id"]);
  const agent = brief(fields["agent_id"]);
  const runtime = brief(fields["runtime_id"]);
  const address = brief(fields["address"]);
  const letter = brief(fields["dead_letter_id"]);
  const token = brief(fields["jti"]);
  const key = brief(fields["kid"]);
  if (thread !== null && agent !== null) return `participant/${thread}.${agent}`;
  if (thread !== null) return `thread/${thread}`;
  if (runtime !== null) return `runtime/${runtime}`;
  if (address !== null) return address;
  if (letter !== null) return `dead-letter/${letter}`;
  if (token !== null) return `token/${token}`;
  if (key !== null) return `signing-key/${key}`;
  return agent === null ? "workspace" : `agent/${agent}`;
}

/** Bodies stand in their thread; definitions and tokens may hold secrets. */
const leftOut = new Set(["body", "definition", "token", "idempotency_key", "reason"]);
const mostDetails = 16;

/** Of what the operation does not know only the name is kept: a misspelt `definition` holds the same secrets. */
function detailsOf(operation: Operation, fields: Record<string, unknown>): Record<string, unknown> | null {
  const known = { ...(operation.input as z.ZodObject).shape, ...identityClaims };
  const kept = Object.entries(fields)
    .filter(([name, value]) => !leftOut.has(name) && value !== undefined)
    .slice(0, mostDetails)
    .map(([name, value]) => [brief(name.slice(0, 64)), name in known ? scalar(value) : "(unknown field)"]);
  return kept.length === 0 ? null : (Object.fromEntries(kept) as Record<string, unknown>);
}

function scalar(value: unknown): unknown {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value;
  return brief(typeof value === "string" ? value : JSON.stringify(value));
}

const longest = 300;

/** Refused input may be anything: only short storable text gets into the audit. */
function brief(value: unknown): string | null {
  if (typeof value !== "string" || value === "") return null;
  return value.slice(0, longest).replaceAll("\0", "\uFFFD").toWellFormed();
}
