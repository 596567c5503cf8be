import type { Address } from "../../machines/mail.ts";
import type { Claim, ClaimRequest } from "../../runtime/store.ts";
import { toActor } from "./actors.ts";
import { toMail } from "./mailbox.ts";
import type { Scope } from "./scope.ts";
import { shardCount } from "../../runtime/shard.ts";

/** Migration 0011 says how the function locks and reads. */
export async function claimReady(
  { sql, workspaceId }: Scope,
  { actors: limit, mailPerActor, machineHashes, shards, passedOver }: ClaimRequest,
): Promise<Claim[]> {
  const rows = await sql`
    select * from rouse.claim_ready(
      ${workspaceId}, ${shardCount}, ${shards ?? null}::integer[], ${limit}, ${machineHashes ?? null}::text[],
      ${passedOver ?? null}::text[]
    )`;
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

/** A claim that was sent before its transaction asked for it. */
export class EarlyClaim {
  readonly #request: ClaimRequest | undefined;
  #claims: Promise<Claim[]> | null = null;

  constructor(request: ClaimRequest | undefined) {
    this.#request = request;
  }

  send(scope: Scope): void {
    if (this.#request === undefined) return;
    this.#claims = claimReady(scope, this.#request);
    // Told to whoever takes it; a transaction that does not begin takes nothing.
    this.#claims.catch(() => undefined);
  }

  /** Once, for this very request; null for any other. */
  take(request: ClaimRequest): Promise<Claim[]> | null {
    if (request !== this.#request) return null;
    const claims = this.#claims;
    this.#claims = null;
    return claims;
  }
}
