import type { TokenRecord, Transaction } from "../../runtime/store.ts";
import { caps, iso } from "./fields.ts";
import type { TokenPolicy } from "./tokens.ts";

const mostLooked = 20;
const cure = "launch it again, or give it a new one.";

/** What a person should know of an agent's token: that it ends soon, or has; null while all is well, or it never got one. */
export async function tokenNote(
  tx: Transaction,
  agentId: string,
  { endingSoonMs }: TokenPolicy,
): Promise<string | null> {
  const live = await tx.listTokens({ agentId, state: "live", limit: mostLooked });
  const longest = live.rows.toSorted((a, b) => endOf(b) - endOf(a))[0];
  if (longest !== undefined) {
    const end = endOf(longest);
    return end > tx.now + endingSoonMs
      ? null
      : `Its token ends for good at ${iso(end)}: before that, ${cure}`;
  }
  const ended = (await tx.listTokens({ agentId, limit: 1 })).rows[0];
  if (ended === undefined) return null;
  const how = ended.revocation === null ? `ended at ${iso(ended.expiresAt)}` : "was revoked";
  return `Its last token ${how}, so it cannot speak with Rouse: ${cure}`;
}

/** Sessions that lose their token soon, up to a page. */
export async function tokensEnding(tx: Transaction, { endingSoonMs }: TokenPolicy): Promise<number> {
  const ending = { from: tx.now, until: tx.now + endingSoonMs };
  return (await tx.listTokens({ ending, limit: caps.pageSize })).rows.length;
}

function endOf({ expiresAt, refreshUntil }: TokenRecord): number {
  return refreshUntil ?? expiresAt;
}
