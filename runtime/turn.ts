import type { Address } from "../machines/mail.ts";
import { decide, refuseFirst } from "./decide.ts";
import type { ActorSource } from "./open-actor.ts";
import { isNobodysFault, Patience } from "./patience.ts";
import type { Claim, ClaimRequest, Doorbell, EffectKey, Store, Transaction, TurnCommit } from "./store.ts";
import { shardCount } from "./shard.ts";
import { workOf } from "./work.ts";

/** One turn: load → decide → commit → ring. Everything between claim and commit is pure. */

export interface TurnOptions extends ActorSource {
  store: Store;
  doorbell: Doorbell;
  /** Told which effects charts withdrew, so that a performer here stops at once. A hint: the lease is the truth. */
  onCancelled?: (effects: readonly EffectKey[]) => void;
  foreign?: ForeignCharts;
  /** With actors whose turns fail; kept from turn to turn. */
  patience?: Patience;
  /** Hears of them; the others move on. */
  onActorFailed?: (error: unknown) => void;
}

/**
 * Actors of charts that this node does not have are left to the nodes that have them. To look past their mail costs
 * every claim a little, so it is done only while some were met; whoever holds this forgets it from time to time.
 */
export interface ForeignCharts {
  wereMet: boolean;
}

/** While some batches are being committed, the next is claimed and decided; more would wait for the same processors. */
const lanesAtMost = 3;
const shardsOfLane = Array.from({ length: lanesAtMost }, (_, lane) =>
  Array.from({ length: shardCount }, (_, shard) => shard).filter((shard) => shard % lanesAtMost === lane),
);
/** Bounds one call while mail keeps coming. */
const turnsPerLane = 16;

/** A claim of fewer mails cut nothing off: of what came later somebody is rung. */
const fewMails = 16;

export interface TurnsTaken {
  /** Actors. */
  moved: number;
  /** Mail may wait that was there already, so that no ring will tell of it. */
  isMoreWaiting: boolean;
}

/**
 * Takes turns until hardly any mail waits. A full claim says that there is more: while its batch is decided and committed, the
 * next ones are claimed, by lanes that share the shards among themselves.
 */
export async function takeTurns(options: TurnOptions): Promise<TurnsTaken> {
  const lanes: Promise<PromiseSettledResult<TurnsTaken>[]>[] = [];
  const openLanes = (upTo: number): void => {
    for (const own of shardsOfLane.slice(lanes.length, upTo)) {
      const shards = () => (lanes.length > 1 ? own : undefined);
      lanes.push(Promise.allSettled([takeTurnsInLane(options, { shards, onFullClaim })]));
    }
  };
  // All of them: whoever has claimed a share leaves the others' to them.
  const onFullClaim = (): void => openLanes(lanesAtMost);
  openLanes(1);
  const taken: TurnsTaken = { moved: 0, isMoreWaiting: false };
  const failures: unknown[] = [];
  for (const lane of lanes) {
    for (const outcome of await lane) {
      if (outcome.status === "rejected") failures.push(outcome.reason);
      else add(taken, outcome.value);
    }
  }
  if (failures.length > 0) throw failures[0];
  return taken;
}

function add(sum: TurnsTaken, { moved, isMoreWaiting }: TurnsTaken): void {
  sum.moved += moved;
  sum.isMoreWaiting ||= isMoreWaiting;
}

interface Lane {
  /** Which the next claim is for; undefined: all. */
  shards: () => readonly number[] | undefined;
  onFullClaim: () => void;
}

async function takeTurnsInLane(options: TurnOptions, lane: Lane): Promise<TurnsTaken> {
  let moved = 0;
  for (let turns = 1; ; turns += 1) {
    const taken = await takeTurn(options, lane);
    // Not awaited: one that is slow takes until the deadline.
    void tryApart(options);
    moved += taken.moved;
    if (!taken.isMoreWaiting || turns === turnsPerLane) return { moved, isMoreWaiting: taken.isMoreWaiting };
  }
}

/** Advances every actor that has mail, up to one batch. Returns how many actors moved. */
export async function turn(options: TurnOptions): Promise<number> {
  const { moved } = await takeTurn(options);
  return moved + (await tryApart(options));
}

async function takeTurn(options: TurnOptions, lane?: Lane): Promise<TurnsTaken> {
  const { registry, foreign = { wereMet: false }, patience = new Patience() } = options;
  let claimed: Address[] = [];
  let isMoreWaiting = false;
  const advanceBatch = (): Promise<number> => {
    const ofOurCharts = foreign.wereMet ? { machineHashes: registry.machineHashes } : {};
    const shards = lane?.shards();
    const within = shards === undefined ? {} : { shards };
    const inTrouble = patience.inTrouble;
    const passedOver = inTrouble.length === 0 ? {} : { passedOver: inTrouble };
    const firstClaim = { ...patience.batch, ...ofOurCharts, ...within, ...passedOver };
    const claim = async (tx: Transaction): Promise<Claim[]> => {
      const claims = await tx.claimReady(firstClaim);
      const isFull = claims.length === firstClaim.actors;
      if (isFull) lane?.onFullClaim();
      isMoreWaiting = isFull || claims.reduce((mails, { mail }) => mails + mail.length, 0) >= fewMails;
      const own = claims.filter(({ actor }) => registry.runs(actor));
      foreign.wereMet ||= own.length < claims.length;
      claimed = own.map(({ actor }) => actor.address);
      return own;
    };
    return advance(options, { claim, firstClaim });
  };
  const knewOfForeign = foreign.wereMet;
  try {
    let moved = await advanceBatch();
    patience.asksMore();
    // Foreign mail may have stood before our own.
    if (moved === 0 && foreign.wereMet !== knewOfForeign) moved = await advanceBatch();
    return { moved, isMoreWaiting: isMoreWaiting && moved > 0 };
  } catch (error) {
    if (isNobodysFault(error) && claimed.length > 0) patience.asksLess(claimed);
    if (isNobodysFault(error) || claimed.length === 0) throw error;
    const moved = await advanceEach(options, claimed);
    return { moved, isMoreWaiting: moved > 0 };
  }
}

/** Those that failed lately and have rested, each by itself. */
async function tryApart(options: TurnOptions): Promise<number> {
  const { patience = new Patience(), doorbell } = options;
  const moved = await patience.tryApart((rested) => advanceEach(options, rested));
  // One mail of each was taken, and claims passed over the rest.
  if (moved > 0) doorbell.ring(["mail"]);
  return moved;
}

/** Of a batch that failed because of one of its actors, or of those that failed lately: each by itself. Never throws. */
async function advanceEach(options: TurnOptions, addresses: Iterable<Address>): Promise<number> {
  let moved = 0;
  for (const address of addresses) {
    try {
      moved += await advanceAlone(options, address);
    } catch (error) {
      options.onActorFailed?.(error);
      if (isNobodysFault(error)) break;
    }
  }
  return moved;
}

interface Advance {
  claim: (tx: Transaction) => Promise<Claim[]>;
  /** Set when `claim` begins with it. */
  firstClaim?: ClaimRequest;
  decideOn?: (source: ActorSource, claim: Claim, now: number) => TurnCommit;
}

async function advance(
  options: TurnOptions,
  { claim, firstClaim, decideOn = decide }: Advance,
): Promise<number> {
  const { store, doorbell, onCancelled } = options;
  const commits = await store.transaction(
    async (tx) => {
      const claims = await claim(tx);
      const decided = claims.map((each) => decideOn(options, each, tx.now));
      await tx.commitTurns(decided);
      return decided;
    },
    firstClaim === undefined ? {} : { firstClaim },
  );
  if (commits.length === 0) return 0;
  onCancelled?.(commits.flatMap(cancelledEffects));
  const asked = workOf(commits);
  if (asked.length > 0) doorbell.ring(asked);
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
    const moved = await advance(options, { claim: claimFirst });
    patience.forget(address);
    return moved;
  } catch (error) {
    if (!patience.isExhaustedBy(error, address)) throw error;
    patience.forget(address);
    return advance(options, {
      claim: claimFirst,
      decideOn: (source, claim, now) => refuseFirst(source, claim, { error, now }),
    });
  }
}

export function cancelledEffects(commit: TurnCommit): EffectKey[] {
  return commit.effectsCancelled.map(({ incarnation }) => ({ address: commit.actor.address, incarnation }));
}
