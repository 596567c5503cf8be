import type { Address } from "../../machines/mail.ts";
import type { Page } from "../../runtime/domain.ts";
import { shardOf } from "../../runtime/shard.ts";
import type { Claim, ClaimRequest, QuarantinedActor, StoredActor } from "../../runtime/store.ts";
import { pageOf } from "../page.ts";
import { readMail } from "./mailbox.ts";
import { compare, type ActorRow, type Scope } from "./state.ts";

export function claimReady(
  scope: Scope,
  { actors, mailPerActor, machineHashes, shards, passedOver = [] }: ClaimRequest,
): Claim[] {
  const waiting = scope.state.actors
    .values()
    .filter(({ address, status }) => status !== "quarantined" && scope.state.mailboxes.has(address))
    .filter(({ machineHash }) => machineHashes?.includes(machineHash) ?? true)
    .filter(({ address }) => !passedOver.includes(address))
    .filter(({ address }) => shards?.includes(shardOf(address)) ?? true)
    .map((actor) => ({ actor, firstId: scope.state.mailboxes.get(actor.address)?.[0]?.id ?? 0 }));
  return waiting
    .toSorted((a, b) => compare(a.firstId, b.firstId))
    .slice(0, actors)
    .map(({ actor }) => ({ actor: toActor(actor), mail: readMail(scope, actor.address, mailPerActor) }));
}

export function claimActor(scope: Scope, address: Address): Claim | null {
  const actor = getActor(scope, address);
  return actor === null ? null : { actor, mail: readMail(scope, address, Number.MAX_SAFE_INTEGER) };
}

export function getActor({ state }: Scope, address: Address): StoredActor | null {
  const row = state.actors.get(address);
  return row === undefined ? null : toActor(row);
}

export function listActorsBySubject(
  { state }: Scope,
  { kind, subject }: { kind: string; subject: string },
): StoredActor[] {
  return state.actors
    .values()
    .filter((actor) => actor.kind === kind && actor.subject === subject && subject !== "")
    .toSorted((a, b) => compare(b.createdAt, a.createdAt) || compare(b.address, a.address))
    .map(toActor);
}

export function listActors(
  { state }: Scope,
  { kind, after = "", limit }: { kind: string; after?: string; limit: number },
): Page<StoredActor> {
  const rows = state.actors
    .values()
    .filter((actor) => actor.kind === kind && actor.address > after)
    .toSorted((a, b) => compare(a.address, b.address))
    .slice(0, limit + 1);
  return pageOf(rows.map(toActor), limit, ({ address }) => address);
}

export function listQuarantined(
  { state }: Scope,
  { after = "", limit }: { after?: string; limit: number },
): Page<QuarantinedActor> {
  const rows = state.actors
    .values()
    .filter(({ status, address }) => status === "quarantined" && address > after)
    .toSorted((a, b) => compare(a.address, b.address))
    .slice(0, limit + 1)
    .map((row) => ({ actor: toActor(row), mail: state.mailboxes.get(row.address)?.length ?? 0 }));
  return pageOf(rows, limit, ({ actor }) => actor.address);
}

function toActor({ createdAt: _, ...actor }: ActorRow): StoredActor {
  return actor;
}
