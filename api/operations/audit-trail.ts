import { z } from "zod";
import { auditRecord } from "../../runtime/audit-chain.ts";
import type { AuditEntry, AuditFilter } from "../../runtime/domain.ts";
import { RouseError } from "../../runtime/errors.ts";
import { agentId, cursor, iso, isoOrNull, page, pageEnd, pageQuery, text, timestamp } from "./fields.ts";
import { defineQuery } from "./operation.ts";
import { auditReaders } from "./role-sets.ts";

/** Reading the audit: who changed what and why, and what was refused. */

const auditId = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, "must be an audit row's id, a number")
  .describe("Audit row.");

const change = z.object({ of: z.string(), before: z.unknown(), after: z.unknown() });

/** A sealed row without its `hash` is exactly what was hashed: see docs/operations/audit.md. */
const auditEntryShape = z.object({
  audit_id: z.string(),
  at: z.string(),
  actor: z.string(),
  role: z.string(),
  operation: z.string(),
  subject: z.string(),
  outcome: z.string().describe("done or refused."),
  code: z.string().nullable().describe("Why it was refused."),
  reason: z.string().nullable(),
  details: z.unknown(),
  changes: z.array(change).describe("States and values that changed; cut to a bounded size."),
  request_id: z.string().nullable(),
  seq: z.int().nullable().describe("Place in the chain of hashes; null while it is not sealed yet."),
  sealed_at: z.string().nullable(),
  previous_hash: z.string().nullable(),
  hash: z.string().nullable(),
});

export function auditEntryView(entry: AuditEntry): z.input<typeof auditEntryShape> {
  const { seal } = entry;
  const record = auditRecord(entry, seal ?? { seq: 0, previousHash: "", sealedAt: 0 });
  const changes = [...entry.changes];
  if (seal === null) {
    return { ...record, changes, seq: null, sealed_at: null, previous_hash: null, hash: null };
  }
  return { ...record, changes, hash: seal.hash };
}

const filter = {
  actor: agentId.optional().describe("Only what this agent did."),
  operation: text(64)
    .regex(/^[a-z_]+$/, "must be an operation's name")
    .optional(),
  subject: text(128).optional().describe("For instance thread/th-1 or participant/th-1.ann."),
  outcome: z.enum(["done", "refused"]).optional(),
  code: text(64)
    .regex(/^[a-z_]+$/, "must be an error code")
    .optional()
    .describe("Only refusals with this code."),
  request_id: text(128).optional(),
  since: timestamp.optional().describe("Not before this time."),
  until: timestamp.optional().describe("Before this time."),
};
type Filter = z.output<z.ZodObject<typeof filter>>;

/** Exports take many rows; they are short. */
const pageSize = 1_000;

export const listAudit = defineQuery({
  name: "list_audit",
  summary: "Who changed what and why, and what was refused.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/audit" },
  roles: auditReaders,
  input: {
    ...filter,
    order: z
      .enum(["newest", "chain"])
      .optional()
      .describe("newest first (the default), or sealed rows in the order of the chain, for exports."),
    limit: z.int().min(1).max(pageSize).optional().describe("Rows per page, at most 1000."),
    cursor,
  },
  output: { workspace_id: z.string(), entries: z.array(auditEntryShape), ...page },
  async handler({ caller, input, store }) {
    const query = { ...pageQuery(input), ...filterOf(input) };
    const { rows, next } = await store.listAudit({ ...query, order: input.order ?? "newest" });
    return { workspace_id: caller.workspaceId, entries: rows.map(auditEntryView), ...pageEnd(next) };
  },
});

function filterOf(input: Filter): AuditFilter {
  const { actor, operation, subject, outcome, code, request_id: requestId, since, until } = input;
  const given = {
    ...{ actor, operation, subject, outcome, code, requestId },
    since: since === undefined ? undefined : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as AuditFilter;
}

export const getAuditEntry = defineQuery({
  name: "get_audit_entry",
  summary: "One row of the audit, with what it changed and its place in the chain.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/audit/:audit_id" },
  roles: auditReaders,
  input: { audit_id: auditId },
  output: { entry: auditEntryShape },
  async handler({ input, store }) {
    const entry = await store.getAudit(input.audit_id);
    if (entry !== null) return { entry: auditEntryView(entry) };
    throw new RouseError("not_found", `there is no audit row ${input.audit_id}`, {
      nextStep: "List the audit to find its id.",
      details: { audit_id: input.audit_id },
    });
  },
});

export const getAuditHead = defineQuery({
  name: "get_audit_head",
  summary:
    "The end of the audit's chain. Kept elsewhere, it shows later whether the chain was cut off or rewritten.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/audit/head" },
  roles: auditReaders,
  input: {},
  output: {
    seq: z.int().describe("Sealed rows."),
    hash: z.string(),
    anchor: z.string().describe("Both in one, as verify_audit takes it."),
    sealed_at: timestamp.nullable(),
    unsealed: z.int().describe("Rows that wait to be sealed; counted up to 10,000."),
    oldest_unsealed_at: timestamp.nullable(),
    now: timestamp,
  },
  async handler({ store, workspace }) {
    const { seq, hash, sealedAt, unsealed, oldestUnsealedAt } = await store.getAuditHead();
    return {
      ...{ seq, hash, anchor: `${seq}:${hash}` },
      sealed_at: isoOrNull(sealedAt),
      unsealed,
      oldest_unsealed_at: isoOrNull(oldestUnsealedAt),
      now: iso(workspace.clock.now()),
    };
  },
});
