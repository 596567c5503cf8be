import { z } from "zod";
import { threadStatuses } from "../../machines/participant/contract.ts";
import { messageKinds } from "../../runtime/domain.ts";

/** Fields that several operations share, with the caps on what a caller may send. */

export const caps = {
  bodyBytes: 65_536,
  titleLength: 200,
  reasonLength: 1_000,
  pageSize: 100,
  recipients: 50,
  participants: 50,
  summaryBytes: 4_096,
  readBytes: 262_144,
  definitionBytes: 32_768,
} as const;

const id = (longest: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[a-z0-9][a-z0-9-]{0,${longest - 1}}$`),
      `must be 1 to ${longest} of a-z, 0-9 and -, beginning with a letter or digit`,
    );

export const agentId = id(32).describe("Agent, for instance reviewer-1.");
export const threadId = id(24).describe("Thread.");
export const runtimeId = id(64).describe("Managed runtime: one terminal process of an agent.");
export const hostName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/, "must be a host name")
  .describe("Host name of a node.");
/** An agent program's own name for its conversation; what it accepts for resuming. */
export const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/, "must be 1 to 128 of letters, digits, . _ : -")
  .describe("The agent program's own session id, as it takes it for resuming.");

/** Postgres stores no NUL, and half a surrogate pair would silently become another character. */
export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}
const storable = { message: "must be well-formed Unicode without NUL" };

export const text = (longest: number) => z.string().min(1).max(longest).refine(isStorable, storable);
export const messageBody = z.string().min(1).refine(isStorable, storable);
export const title = text(caps.titleLength).describe("What the thread is about.");
export const reason = z
  .string()
  .max(caps.reasonLength)
  .refine(isStorable, storable)
  .describe("Why. Kept in the audit.");
export const messageKind = z
  .enum(messageKinds)
  .describe("finding: a review finding; decision: settles something; question: wants an answer.");
export const threadStatus = z.enum(threadStatuses);
export const seq = z.int().min(0).max(2_147_483_647);
export const limit = z.int().min(1).max(caps.pageSize).optional().describe("Rows per page, at most 100.");
export const cursor = text(256).optional().describe("`next_cursor` of the page before.");

export const timestamp = z.iso.datetime();
export const page = { next_cursor: z.string().nullable(), has_more: z.boolean() };

export function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

export function isoOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : iso(epochMs);
}

/** The store's query part for a page: exact optional properties forbid `undefined`. */
export function pageQuery(input: { limit?: number | undefined; cursor?: string | undefined }): {
  limit: number;
  after?: string;
} {
  const { limit: wanted = 50, cursor: after } = input;
  return after === undefined ? { limit: wanted } : { limit: wanted, after };
}

export function pageEnd(next: string | null): { next_cursor: string | null; has_more: boolean } {
  return { next_cursor: next, has_more: next !== null };
}
