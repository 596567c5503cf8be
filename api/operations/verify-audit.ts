import { z } from "zod";
import { chainStart, checkLinks, type ChainPoint, type ChainProblem } from "../../runtime/audit-chain.ts";
import type { AuditHead, AuditLink } from "../../runtime/domain.ts";
import type { Store } from "../../runtime/store.ts";
import { RouseError } from "../../runtime/errors.ts";
import { defineQuery } from "./operation.ts";
import { auditReaders } from "./role-sets.ts";

/** One stretch of the chain per call, so that a long chain shows progress and holds nothing up. */

const hash = "[0-9a-f]{64}";
const point = z.string().regex(new RegExp(`^\\d{1,15}:${hash}$`), "must be SEQ:HASH");

const problemShape = z.object({
  kind: z.enum(["removed", "changed", "cut_off", "inserted", "anchor"]),
  seq: z.int().nullable(),
  audit_id: z.string().nullable(),
  message: z.string(),
});

const mostProblems = 20;
const mostRows = 2_000;
/** Looked through by the database alone, several times as fast. */
const straysPerRow = 10;

export const verifyAudit = defineQuery({
  name: "verify_audit",
  summary:
    "Recomputes a stretch of the audit's chain and names rows that were changed, removed or put there.",
  guidance: "Call it again with next_cursor until done; first row first.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/audit/verify" },
  roles: auditReaders,
  input: {
    from: point
      .optional()
      .describe("Begin after this place of the chain, SEQ:HASH as an earlier check or get_audit_head told."),
    anchor: z
      .string()
      .regex(new RegExp(`^(?:\\d{1,15}:)?${hash}$`), "must be HASH or SEQ:HASH")
      .optional()
      .describe("A head that was kept elsewhere: has the chain still got it?"),
    limit: z.int().min(1).max(mostRows).optional().describe("Rows per call, at most and by default 2000."),
    cursor: z.string().max(128).optional().describe("`next_cursor` of the call before."),
  },
  output: {
    checked: z.int().describe("Rows recomputed by this call."),
    checkpoint: z.string().describe("SEQ:HASH up to which the chain was followed."),
    head_seq: z.int(),
    problems: z.array(problemShape).describe("At most 20 per call; the first one is the place to look at."),
    anchor_found: z.boolean().describe("Whether the anchor was met in this stretch."),
    unsealed: z.int(),
    oldest_unsealed_at: z.iso.datetime().nullable(),
    done: z.boolean(),
    next_cursor: z.string().nullable(),
  },
  async handler({ input, store }) {
    const { from, anchor, limit = mostRows, cursor } = input;
    const stretch = await verifyStretch(store, { place: placeOf(store, from, cursor), limit });
    const { checked, end, problems, head, next } = stretch;
    // Where a later call begins, the one before has looked.
    const seen = cursor === undefined ? [stretch.start, ...checked] : checked;
    const met = anchorCheck(anchor, seen);
    return {
      checked: checked.length,
      checkpoint: `${end.seq}:${end.hash}`,
      head_seq: head.seq,
      problems: [...problems, ...met.problems].slice(0, mostProblems),
      anchor_found: met.isFound,
      unsealed: head.unsealed,
      oldest_unsealed_at:
        head.oldestUnsealedAt === null ? null : new Date(head.oldestUnsealedAt).toISOString(),
      done: next === null,
      next_cursor: next,
    };
  },
});

/** Along the chain first, then over the rows that it should hold. */
type Place =
  | { phase: "chain"; from: ChainPoint }
  | { phase: "rows"; from: ChainPoint; after: string | undefined };

interface Stretch {
  start: ChainPoint;
  checked: readonly AuditLink[];
  end: ChainPoint;
  problems: ChainProblem[];
  head: AuditHead;
  next: string | null;
}

async function verifyStretch(
  store: Store,
  { place, limit }: { place: Place; limit: number },
): Promise<Stretch> {
  // Read first: what it tells was committed, and has to be among the links.
  const head = await store.getAuditHead();
  const common = { start: place.from, head };
  if (place.phase === "rows") {
    const { rows, next } = await verifyRows(store, place.after, limit * straysPerRow);
    const cursor = next === null ? null : cursorOf({ ...place, after: next });
    const problems = [...headProblems(place.from, head), ...rows];
    return { ...common, checked: [], end: place.from, problems, next: cursor };
  }
  const links = await store.listAuditLinks({ afterSeq: place.from.seq, limit });
  const { end, problems } = checkLinks(place.from, links);
  if (links.length === limit) {
    return { ...common, checked: links, end, problems, next: cursorOf({ phase: "chain", from: end }) };
  }
  const next = cursorOf({ phase: "rows", from: end, after: undefined });
  return { ...common, checked: links, end, problems: [...problems, ...endProblems(end, head)], next };
}

/** Links that came after `head` was read may lie behind it: a head further back cannot tell of them. */
function endProblems(end: ChainPoint, head: AuditHead): ChainProblem[] {
  const at = { kind: "cut_off", audit_id: null } as const;
  if (head.seq > end.seq) {
    const message = `the chain ends at row ${end.seq}, but was sealed up to row ${head.seq}: its end was cut off`;
    return [{ ...at, seq: end.seq + 1, message }];
  }
  if (head.seq === end.seq && head.hash !== end.hash) {
    return [
      { ...at, seq: end.seq, message: `row ${end.seq} has not the hash that the head of the chain has` },
    ];
  }
  return [];
}

/** The chain was followed before the head was read: it cannot have got behind. */
function headProblems(end: ChainPoint, head: AuditHead): ChainProblem[] {
  if (head.seq >= end.seq) return [];
  const message = `the head of the chain was set back to row ${head.seq}, though rows up to ${end.seq} are sealed`;
  return [{ kind: "changed", seq: head.seq + 1, audit_id: null, message }];
}

async function verifyRows(
  store: Store,
  after: string | undefined,
  scan: number,
): Promise<{ rows: ChainProblem[]; next: string | null }> {
  const page = await store.listStrayAudit({ scan, ...(after === undefined ? {} : { after }) });
  const rows = page.rows.map(({ auditId, is }): ChainProblem => {
    const row = { seq: null, audit_id: auditId };
    return is === "gone"
      ? { kind: "removed", ...row, message: `audit row ${auditId} was removed before it was sealed` }
      : {
          kind: "inserted",
          ...row,
          message: `audit row ${auditId} is outside the chain: put there past the program, or its seal was removed`,
        };
  });
  return { rows, next: page.next };
}

/** With a seq it is held against the row there; without, it may be any hash that this stretch saw. */
function anchorCheck(
  anchor: string | undefined,
  seen: readonly ChainPoint[],
): { isFound: boolean; problems: ChainProblem[] } {
  if (anchor === undefined) return { isFound: false, problems: [] };
  if (!anchor.includes(":")) return { isFound: seen.some((link) => link.hash === anchor), problems: [] };
  const wanted = pointOf(anchor);
  const link = seen.find(({ seq }) => seq === wanted.seq);
  if (link === undefined) return { isFound: false, problems: [] };
  if (link.hash === wanted.hash) return { isFound: true, problems: [] };
  const message = `row ${wanted.seq} has another hash than the anchor: the chain was rewritten at or before it`;
  return { isFound: false, problems: [{ kind: "anchor", seq: wanted.seq, audit_id: null, message }] };
}

function placeOf(store: Store, from: string | undefined, cursor: string | undefined): Place {
  if (cursor === undefined) {
    return { phase: "chain", from: from === undefined ? chainStart(store.workspaceId) : pointOf(from) };
  }
  const [, phase, at, after] = /^(chain|rows)\.(\d{1,15}:[0-9a-f]{64})(?:\.(\d{1,18}))?$/.exec(cursor) ?? [];
  if (phase === undefined || at === undefined) {
    throw new RouseError("invalid_input", "cursor: is none of verify_audit", {
      nextStep: "Pass next_cursor as it came, or leave it out to begin anew.",
    });
  }
  return phase === "chain"
    ? { phase: "chain", from: pointOf(at) }
    : { phase: "rows", from: pointOf(at), after };
}

function cursorOf(place: Place): string {
  const at = `${place.phase}.${place.from.seq}:${place.from.hash}`;
  return place.phase === "rows" && place.after !== undefined ? `${at}.${place.after}` : at;
}

function pointOf(text: string): ChainPoint {
  const [seq = "", found = ""] = text.split(":");
  return { seq: Number(seq), hash: found };
}
