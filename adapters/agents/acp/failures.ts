import { z } from "zod";
import { RpcRefusal } from "../json-rpc.ts";

/** JSON-RPC's own codes for what never became a turn: not a request, unknown, wrong parameters. */
const neverTaken = new Set([-32_600, -32_601, -32_602]);

const details = z.looseObject({
  message: z.string().optional(),
  details: z.string().optional(),
  /** Claude's adapter. */
  errorKind: z.string().optional(),
  /** Codex's. */
  codex_error_info: z.unknown().optional(),
});

/** What an agent says went wrong, in one line; the protocol has no codes for it. */
export function reasonOf(error: RpcRefusal): string {
  const data = details.safeParse(error.data).data;
  const more = data?.message ?? data?.details ?? (typeof error.data === "string" ? error.data : undefined);
  return more === undefined || error.message.includes(more) ? error.message : `${error.message}: ${more}`;
}

export function isNeverTaken(error: unknown): boolean {
  return error instanceof RpcRefusal && neverTaken.has(error.code);
}

/** Whether the plan is used up, or the model is asked too often: waking it again at once would come to the same. */
export function isUsageLimit(error: RpcRefusal): boolean {
  const data = details.safeParse(error.data).data;
  if (error.code === 429 || data?.errorKind === "rate_limit") return true;
  if (data?.codex_error_info === "usage_limit_exceeded") return true;
  return /\b429\b|usage limit|rate limit|quota (?:exceeded|exhausted)|RESOURCE_EXHAUSTED/i.test(
    reasonOf(error),
  );
}
