import { createHash } from "node:crypto";
import type { AuditChange, AuditEntry, AuditLink, AuditSeal } from "./domain.ts";

/** The chain of hashes over the audit: how a row is written down for it, and how a stretch of it is checked. */

/** A sealed row as it is hashed, shown and exported: JSON with its keys sorted, without `hash`, is what sha-256 reads. */
export interface AuditRecord {
  audit_id: string;
  at: string;
  actor: string;
  role: string;
  operation: string;
  subject: string;
  outcome: string;
  code: string | null;
  reason: string | null;
  details: unknown;
  changes: readonly AuditChange[];
  request_id: string | null;
  seq: number;
  sealed_at: string;
  previous_hash: string;
}

/** A place that the chain was seen at: the hash of the row with this seq. */
export interface ChainPoint {
  seq: number;
  hash: string;
}

/** Before the first row. It binds the chain to its workspace: rows of another one do not fit. */
export function chainStart(workspaceId: string): ChainPoint {
  return { seq: 0, hash: sha256(`rouse audit ${workspaceId}`) };
}

export function auditRecord(entry: AuditEntry, seal: Omit<AuditSeal, "hash">): AuditRecord {
  return {
    audit_id: entry.auditId,
    at: timeText(entry.at),
    actor: entry.actor,
    role: entry.role,
    operation: entry.operation,
    subject: entry.subject,
    outcome: entry.outcome,
    code: entry.code,
    reason: entry.reason,
    details: entry.details,
    changes: entry.changes,
    request_id: entry.requestId,
    seq: seal.seq,
    sealed_at: timeText(seal.sealedAt),
    previous_hash: seal.previousHash,
  };
}

export function auditHash(record: AuditRecord): string {
  return sha256(canonicalJson(record));
}

/** The entries as the next links after `from`, in their order. */
export function sealEntries(from: ChainPoint, entries: readonly AuditEntry[], sealedAt: number): AuditSeal[] {
  let last = from;
  return entries.map((entry) => {
    const place = { seq: last.seq + 1, previousHash: last.hash, sealedAt };
    const seal = { ...place, hash: auditHash(auditRecord(entry, place)) };
    last = seal;
    return seal;
  });
}

export interface ChainProblem {
  kind: "removed" | "changed" | "cut_off" | "inserted" | "anchor";
  /** Where in the chain; null for a row outside it. */
  seq: number | null;
  audit_id: string | null;
  message: string;
}

/** Goes along the links after `from`; each one is held against the stored hash before it, so the first problem names its row. */
export function checkLinks(
  from: ChainPoint,
  links: readonly AuditLink[],
): { end: ChainPoint; problems: ChainProblem[] } {
  const problems: ChainProblem[] = [];
  let last = from;
  for (const link of links) {
    if (link.seq !== last.seq + 1) problems.push(gap(last.seq + 1, link.seq - 1));
    else problems.push(...checkLink(last, link));
    last = { seq: link.seq, hash: link.hash };
  }
  return { end: last, problems };
}

function checkLink({ hash: previousHash }: ChainPoint, link: AuditLink): ChainProblem[] {
  const { seq, auditId, entry, sealedAt, hash } = link;
  if (entry === null) {
    const message = `row ${seq} (audit id ${auditId}) was removed after it was sealed`;
    return [{ kind: "removed", seq, audit_id: auditId, message }];
  }
  if (auditHash(auditRecord(entry, { seq, previousHash, sealedAt })) === hash) return [];
  const message = `row ${seq} (audit id ${auditId}) or its seal was changed, moved or put there after it was sealed`;
  return [{ kind: "changed", seq, audit_id: auditId, message }];
}

function gap(first: number, last: number): ChainProblem {
  const rows = first === last ? `row ${first}` : `rows ${first} to ${last}`;
  return { kind: "removed", seq: first, audit_id: null, message: `${rows} of the chain were removed` };
}

/** JSON text with keys sorted by UTF-16 units and no white space (RFC 8785). Not by a replacer: objects put keys like "9" first. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  const members = Object.entries(value)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inner]) => `${JSON.stringify(name)}:${canonicalJson(inner)}`);
  return `{${members.join(",")}}`;
}

/** ISO 8601; a time that no date can show (somebody wrote it) stays a number. */
function timeText(epochMs: number): string {
  const date = new Date(epochMs);
  return Number.isNaN(date.getTime()) ? String(epochMs) : date.toISOString();
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
