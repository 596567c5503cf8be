import type { Address } from "../machines/mail.ts";
import { decide, refuseFirst } from "./decide.ts";
import type { ActorSource } from "./open-actor.ts";
import { isNobodysFault, Patience } from "./patience.ts";
import type { Claim, Doorbell, EffectKey, Store, Transaction, TurnCommit } from "./store.ts";

/** One turn: load → decide → commit → ring. Everything between claim and commit is pure. */

export interface TurnOptions extends ActorSource {
  store: Store;
  doorbell: Doorbell;
  /** Told which effects charts withdrew, so that a performer here stops at once. A hint: the lease is the truth. */
  onCancelled?: (effects: readonly EffectKey[]) => void;
  foreign?: ForeignCharts;
  /** With actors whose turns fail; kept from turn to turn. */
  patience?: Patience;
}

/**
 * Actors of charts that this node does not have are left to the nodes that have them. To look past their mail costs
 * every claim a little, so it is done only while some were met; whoever holds this forgets it from time to time.
 */
export interface ForeignCharts {
  wereMet: boolean;
}

/** Large enough that statements and commits cost each actor little, small enough to decide in some 15 ms. */
const actorsPerTurn = 256;
const mailPerActor = 128;

/** While some batches are being committed, the next is claimed and decided; more would wait for the same processors. */
const maxLanes = 3;
/** Bounds one call while mail keeps coming. */
const turnsPerLane = 16;

/**
 * Takes turns until hardly any mail waits. A full claim says that there is more: while its batch is decided and committed, the
 * next one is claimed. Returns how many actors moved.
 */
export async function takeTurns(options: TurnOptions): Promise<number> {
  const lanes: Promise<PromiseSettledResult<number>[]>[] = [];
  const openLane = (): void => {
    if (lanes.length < maxLanes) lanes.push(Promise.allSettled([takeTurnsInLane(options, openLane)]));
  };
  openLane();
  const outcomes: PromiseSettledResult<number>[] = [];
  for (const lane of lanes) outcomes.push(...(await lane));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return outcomes.reduce((moved, outcome) => moved + (outcome.status === "fulfilled" ? outcome.value : 0), 0);
}

async function takeTurnsInLane(options: TurnOptions, onFullClaim: () => void): Promise<number> {
  let moved = 0;
  for (let taken = 0; taken < turnsPerLane; taken += 1) {
    const found = await turn(options, onFullClaim);
    moved += found;
    if (found < actorsPerTurn) break;
  }
  return moved;
}

/** Advances every actor that has mail, up to one batch. Returns how many actors moved; tells when there was a whole batch. */
export async function turn(options: TurnOptions, onFullClaim?: () => void): Promise<number> {
  const { registry, foreign = { wereMet: false } } = options;
  let claimed: Address[] = [];
  const claimBatch = async (tx: Transaction): Promise<Claim[]> => {
    const passOver = foreign.wereMet ? { machineHashes: registry.machineHashes } : {};
    const claims = await tx.claimReady({ actors: actorsPerTurn, mailPerActor, ...passOver });
    if (claims.length === actorsPerTurn) onFullClaim?.();
    const own = claims.filter(({ actor }) => registry.runs(actor));
    foreign.wereMet ||= own.length < claims.length;
    claimed = own.map(({ actor }) => actor.address);
    return own;
  };
  const knewOfForeign = foreign.wereMet;
  try {
    const moved = await advance(options, claimBatch);
    for (const address of claimed) options.patience?.forget(address);
    // They may have stood before our own.
    return moved > 0 || foreign.wereMet === knewOfForeign ? moved : await advance(options, claimBatch);
  } catch (error) {
    if (isNobodysFault(error) || claimed.length === 0) throw error;
    return advanceEach(options, claimed);
  }
}

/** After a batch that failed because of one of its actors: the others move all the same. Throws what failed, at the end. */
async function advanceEach(options: TurnOptions, addresses: readonly Address[]): Promise<number> {
  let moved = 0;
  const failures: unknown[] = [];
  for (const address of addresses) {
    try {
      moved += await advanceAlone(options, address);
    } catch (error) {
      if (isNobodysFault(error)) throw error;
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return moved;
}

type Decide = (source: ActorSource, claim: Claim, now: number) => TurnCommit;

async function advance(
  options: TurnOptions,
  claim: (tx: Transaction) => Promise<Claim[]>,
  decideOn: Decide = decide,
): Promise<number> {
  const { store, doorbell, onCancelled } = options;
  const commits = await store.transaction(async (tx) => {
    const claims = await claim(tx);
    const decided = claims.map((each) => decideOn(options, each, tx.now));
    await tx.commitTurns(decided);
    return decided;
  });
  if (commits.length === 0) return 0;
  onCancelled?.(commits.flatMap(cancelledEffects));
  if (commits.some(asksForMore)) doorbell.ring();
  return commits.length;
}

/**
 * One actor, one mail: what cannot be written stops its own actor only, and the mail that led to it is set aside; at once
 * when trying again would end the same way, else when patience ends.
 */
async function advanceAlone(options: TurnOptions, address: Address): Promise<number> {
  const { patience = new Patience() } = options;
  const claimFirst = async (tx: Transaction): Promise<Claim[]> => {
    const claim = await tx.claimActor(address);
    if (claim === null || claim.mail.length === 0 || claim.actor.status === "quarantined") return [];
    if (!options.registry.runs(claim.actor)) return [];
    return [{ ...claim, mail: claim.mail.slice(0, 1) }];
  };
  try {
    const moved = await advance(options, claimFirst);
    patience.forget(address);
    return moved;
  } catch (error) {
    if (isNobodysFault(error) || !patience.isExhaustedBy(error, address)) throw error;
    patience.forget(address);
    return advance(options, claimFirst, (source, claim, now) => refuseFirst(source, claim, { error, now }));
  }
}

export function cancelledEffects(commit: TurnCommit): EffectKey[] {
  return commit.effectsCancelled.map(({ incarnation }) => ({ address: commit.actor.address, incarnation }));
}

function asksForMore(commit: TurnCommit): boolean {
  return (
    commit.outgoing.length > 0 ||
    commit.published.length > 0 ||
    commit.effectsRequested.length > 0 ||
    commit.timersArmed.length > 0
  );
}
