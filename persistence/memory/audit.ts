import type {
  AuditEntry,
  AuditFilter,
  AuditHead,
  AuditLink,
  AuditQuery,
  AuditSeal,
  NewAuditEntry,
  Page,
  StrayAudit,
} from "../../runtime/domain.ts";
import { chainStart, sealEntries } from "../../runtime/audit-chain.ts";
import { countedUpTo } from "../../runtime/store.ts";
import { isAuditId } from "../audit-id.ts";
import { pageOf } from "../page.ts";
import { compare, copyOf, type Scope } from "./state.ts";

/** Rows are only ever added. */
export function appendAudit({ state, now }: Scope, entry: NewAuditEntry): void {
  const id = state.nextId();
  const { details, changes, ...rest } = entry;
  const copies = { details: copyOf(details), changes: copyOf(changes) };
  state.audit.put(String(id), { id, entry: { auditId: String(id), at: now, ...rest, ...copies } });
  state.unsealedAudit.put(String(id), id);
}

export function listAudit({ state }: Scope, query: AuditQuery): Page<AuditEntry> {
  const { order = "newest", after, limit } = query;
  const found = state.audit
    .values()
    .map(({ entry }) => withSeal({ state }, entry))
    .filter((entry) => matches(entry, query));
  const placed = found.map((entry) => ({ entry, place: placeOf(entry, order) }));
  const rows =
    order === "newest"
      ? placed
          .filter(({ place }) => after === undefined || place < Number(after))
          .toSorted((a, b) => compare(b.place, a.place))
      : placed
          .filter(({ place }) => place > Number(after ?? 0))
          .toSorted((a, b) => compare(a.place, b.place));
  const page = pageOf(rows.slice(0, limit + 1), limit, ({ place }) => String(place));
  return { rows: page.rows.map(({ entry }) => copyOf(entry)), next: page.next };
}

export function getAudit({ state }: Scope, auditId: string): AuditEntry | null {
  const row = isAuditId(auditId) ? state.audit.get(auditId) : undefined;
  return row === undefined ? null : copyOf(withSeal({ state }, row.entry));
}

export function sealAudit({ state, now }: Scope, workspaceId: string, limit: number): number {
  const waiting = state.unsealedAudit.values().toSorted(compare).slice(0, limit);
  const entries = waiting.flatMap((id) => state.audit.get(String(id))?.entry ?? []);
  const unsealed = entries.map((entry) => ({ ...entry, seal: null }));
  const head = state.auditHead.get("head") ?? chainStart(workspaceId);
  for (const [index, seal] of sealEntries(head, unsealed, now).entries()) {
    const auditId = entries[index]?.auditId ?? "";
    state.auditSeals.put(auditId, seal);
    state.auditHead.put("head", seal);
    state.unsealedAudit.delete(auditId);
  }
  return entries.length;
}

export function getAuditHead({ state }: Scope, workspaceId: string): AuditHead {
  const head = state.auditHead.get("head");
  const waiting = state.unsealedAudit.values().slice(0, countedUpTo);
  const times = waiting.map((id) => state.audit.get(String(id))?.entry.at ?? Infinity);
  return {
    ...chainStart(workspaceId),
    ...(head === undefined ? {} : { seq: head.seq, hash: head.hash }),
    sealedAt: head?.sealedAt ?? null,
    unsealed: waiting.length,
    oldestUnsealedAt: times.length === 0 ? null : Math.min(...times),
  };
}

export function listAuditLinks(
  { state }: Scope,
  { afterSeq, limit }: { afterSeq: number; limit: number },
): AuditLink[] {
  return [...state.auditSeals.entries()]
    .filter(([, { seq }]) => seq > afterSeq)
    .toSorted(([, a], [, b]) => a.seq - b.seq)
    .slice(0, limit)
    .map(([auditId, { seq, hash, sealedAt }]) => {
      const row = state.audit.get(auditId);
      const entry = row === undefined ? null : copyOf(withSeal({ state }, row.entry));
      return { seq, auditId, hash, sealedAt, entry };
    });
}

/** Nobody reaches the rows past the store. */
export function listStrayAudit(): Page<StrayAudit> {
  return { rows: [], next: null };
}

function withSeal({ state }: Pick<Scope, "state">, entry: Omit<AuditEntry, "seal">): AuditEntry {
  const seal: AuditSeal | null = state.auditSeals.get(entry.auditId) ?? null;
  return { ...entry, seal };
}

/** Those without a place in the chain come before its first. */
function placeOf({ auditId, seal }: AuditEntry, order: "newest" | "chain"): number {
  return order === "newest" ? Number(auditId) : (seal?.seq ?? 0);
}

function matches(entry: AuditEntry, filter: AuditFilter): boolean {
  const { since = -Infinity, until = Infinity } = filter;
  const fields = ["actor", "operation", "subject", "outcome", "code", "requestId"] as const;
  return (
    fields.every((field) => filter[field] === undefined || filter[field] === entry[field]) &&
    entry.at >= since &&
    entry.at < until
  );
}
