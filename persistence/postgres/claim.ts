import type { Address } from "../../machines/mail.ts";
import type { Claim } from "../../runtime/store.ts";
import { toActor } from "./actors.ts";
import { toMail } from "./mailbox.ts";
import type { Scope } from "./scope.ts";
import { shardCount } from "./shard.ts";

/** Migration 0003 says how the function locks and reads. */
export async function claimReady(
  { sql, workspaceId }: Scope,
  {
    actors: limit,
    mailPerActor,
    machineHashes,
  }: { actors: number; mailPerActor: number; machineHashes?: readonly string[] },
): Promise<Claim[]> {
  const rows = await sql`
    select * from rouse.claim_ready(${workspaceId}, ${shardCount}, ${limit}, ${machineHashes ?? null}::text[])`;
  const claims = new Map<Address, Claim>();
  for (const row of rows) {
    const address = row["address"] as Address;
    if (row["seq"] === null) claims.set(address, { actor: toActor(row), mail: [] });
    else {
      const mail = claims.get(address)?.mail;
      if (mail !== undefined && mail.length < mailPerActor) mail.push(toMail(row));
    }
  }
  return [...claims.values()].filter(({ mail }) => mail.length > 0);
}
