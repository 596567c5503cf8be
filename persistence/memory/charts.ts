import type { StoredActor } from "../../runtime/store.ts";
import { getActor } from "./actors.ts";
import { compare, type Scope } from "./state.ts";

/** Actors by whether somebody has their chart. */

export function claimUnrunnable(
  scope: Scope,
  { charts, lostAfterMs, limit }: { charts: readonly string[]; lostAfterMs: number; limit: number },
): StoredActor[] {
  const { state, now } = scope;
  const living = state.nodes.values().filter(({ beatAt }) => beatAt > now - lostAfterMs);
  const declared = new Set([...charts, ...living.flatMap((node) => node.charts)]);
  return pick(scope, limit, (actor) => {
    const waits = actor.status !== "quarantined" && state.mailboxes.has(actor.address);
    return waits && !declared.has(keyOf(actor));
  });
}

export function claimSetAside(
  scope: Scope,
  { charts, limit }: { charts: readonly string[]; limit: number },
): StoredActor[] {
  return pick(scope, limit, (actor) => {
    if (actor.status !== "quarantined" || !charts.includes(keyOf(actor))) return false;
    return scope.state.journal.get(`${actor.address} ${actor.version}`)?.dropped === "machineMissing";
  });
}

function pick(scope: Scope, limit: number, wanted: (actor: StoredActor) => boolean): StoredActor[] {
  const addresses = scope.state.actors
    .values()
    .filter(wanted)
    .map(({ address }) => address)
    .toSorted(compare);
  return addresses.slice(0, limit).flatMap((address) => getActor(scope, address) ?? []);
}

function keyOf({ kind, machineHash }: StoredActor): string {
  return `${kind}@${machineHash}`;
}
