import type { Address } from "../machines/mail.ts";
import { RouseError, errorBody, isRouseError } from "./errors.ts";
import { start, statesOf, step, type ActorRecord } from "./kernel.ts";
import { Plan } from "./plan.ts";
import type { CommandRequest, CommandResult, CreateRequest, Engine } from "./engine.ts";
import type { MachineEntry, Registry } from "./registry.ts";
import type {
  Claim,
  Doorbell,
  EffectKey,
  Mail,
  Store,
  StoredActor,
  Transaction,
  TurnCommit,
} from "./store.ts";

/** One turn: load → decide → commit → ring. Everything between claim and commit is pure. */

export interface TurnOptions {
  store: Store;
  registry: Registry;
  doorbell: Doorbell;
  /** Told which effects charts withdrew, so that a performer here stops at once. A hint: the lease is the truth. */
  onCancelled?: (effects: readonly EffectKey[]) => void;
}

const actorsPerTurn = 64;
const mailPerActor = 128;

/** Advances every actor that has mail, up to one batch. Returns how many actors moved. */
export async function turn(options: TurnOptions): Promise<number> {
  let claimed: Address[] = [];
  const claimBatch = async (tx: Transaction): Promise<Claim[]> => {
    const claims = await tx.claimReady({ actors: actorsPerTurn, mailPerActor });
    claimed = claims.map(({ actor }) => actor.address);
    return claims;
  };
  try {
    return await advance(options, claimBatch);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    let moved = 0;
    for (const address of claimed) moved += await advanceAlone(options, address);
    return moved;
  }
}

type Decide = (registry: Registry, claim: Claim, now: number) => TurnCommit;

async function advance(
  { store, registry, doorbell, onCancelled }: TurnOptions,
  claim: (tx: Transaction) => Promise<Claim[]>,
  decideOn: Decide = decide,
): Promise<number> {
  const commits = await store.transaction(async (tx) => {
    const claims = await claim(tx);
    const decided = claims.map((each) => decideOn(registry, each, tx.now));
    await tx.commitTurns(decided);
    return decided;
  });
  if (commits.length === 0) return 0;
  onCancelled?.(commits.flatMap(cancelledEffects));
  if (commits.some(asksForMore)) doorbell.ring();
  return commits.length;
}

/** The store cannot hold what a chart wrote, such as half a character: trying again would end the same way. */
function isUnwritable(error: unknown): boolean {
  return isRouseError(error, "invalid_input");
}

/** One actor, one mail: what cannot be written stops its own actor only, and the mail that led to it is set aside. */
async function advanceAlone(options: TurnOptions, address: Address): Promise<number> {
  const claimFirst = async (tx: Transaction): Promise<Claim[]> => {
    const claim = await tx.claimActor(address);
    if (claim === null || claim.mail.length === 0 || claim.actor.status === "quarantined") return [];
    return [{ ...claim, mail: claim.mail.slice(0, 1) }];
  };
  try {
    return await advance(options, claimFirst);
  } catch (error) {
    if (!isUnwritable(error)) throw error;
    return advance(options, claimFirst, (registry, claim) => refuseFirst(registry, claim, error));
  }
}

/** The next record of an actor and all it asks for. Pure. */
export function decide(registry: Registry, claim: Claim, now: number): TurnCommit {
  let opened: { entry: MachineEntry; plan: Plan };
  try {
    opened = open(registry, claim.actor);
  } catch (error) {
    return setAside(claim.actor, error);
  }
  const { entry, plan } = opened;
  const at = timeFor(claim.actor, now);
  for (const mail of claim.mail) {
    plan.consume(mail);
    if (!applyMail(entry, plan, { mail, actor: claim.actor, now: at })) break;
  }
  return plan.commit();
}

/** A transaction's time is that of its beginning: one that waited for the actor is older than what it finds there. */
function timeFor({ updatedAt }: StoredActor, now: number): number {
  return Math.max(now, updatedAt);
}

function refuseFirst(registry: Registry, { actor, mail }: Claim, error: unknown): TurnCommit {
  const { plan } = open(registry, actor);
  const [first] = mail;
  if (first !== undefined) {
    plan.consume(first);
    plan.quarantine(first, error);
  }
  return plan.commit();
}

function applyMail(
  entry: MachineEntry,
  plan: Plan,
  { mail, actor, now }: { mail: Mail; actor: StoredActor; now: number },
): boolean {
  try {
    const { event, cause } = mail;
    plan.apply(step(entry.machine, { address: actor.address, record: plan.record, event, cause, now }), mail);
    return true;
  } catch (error) {
    plan.quarantine(mail, error);
    return false;
  }
}

function open(registry: Registry, actor: StoredActor): { entry: MachineEntry; plan: Plan } {
  const entry = registry.requireFor(actor);
  const record = JSON.parse(actor.record) as ActorRecord;
  return { entry, plan: new Plan(actor, entry, { version: actor.version, record }) };
}

/** The actor's chart is not here: it keeps its record and its mail, visibly, until somebody acts. */
function setAside(actor: StoredActor, error: unknown): TurnCommit {
  const version = actor.version + 1;
  const event = { type: "machine.missing", error: errorBody(error) };
  const entry = {
    seq: version,
    from: "engine",
    event,
    cause: null,
    transitions: [],
    states: [],
    records: [],
  };
  return {
    actor: { ...actor, version, status: "quarantined" },
    expectedVersion: actor.version,
    consumed: [],
    outgoing: [],
    published: [],
    timersArmed: [],
    timersCancelled: [],
    effectsRequested: [],
    effectsCancelled: [],
    records: [],
    journal: [{ ...entry, dropped: "machineMissing" }],
    deadLetters: [],
    subscriptions: [],
  };
}

function cancelledEffects(commit: TurnCommit): EffectKey[] {
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

export function createEngine({ store, registry, doorbell, onCancelled }: TurnOptions): Engine {
  const cancelled: EffectKey[] = [];
  return {
    workspaceId: store.workspaceId,
    store,
    create: (tx, request) => create(tx, registry, request),
    async command(tx, request) {
      const { result, commit } = await command(tx, registry, request);
      cancelled.push(...cancelledEffects(commit));
      return result;
    },
    ring() {
      doorbell.ring();
      if (cancelled.length > 0) onCancelled?.(cancelled.splice(0));
    },
  };
}

async function create(tx: Transaction, registry: Registry, request: CreateRequest): Promise<void> {
  const { address, kind, input, subject = "", topics = [] } = request;
  const entry = registry.require(kind);
  const plan = new Plan({ address, kind, subject }, entry, null);
  const creation = { from: "engine", event: { type: "actor.created", input }, cause: null };
  plan.apply(start(entry.machine, { address, input, now: tx.now }), creation);
  await tx.commitTurns([plan.commit(topics)]);
}

async function command(
  tx: Transaction,
  registry: Registry,
  { to, event, from }: CommandRequest,
): Promise<{ result: CommandResult; commit: TurnCommit }> {
  const claim = await tx.claimActor(to);
  if (claim === null) throw new RouseError("actor_not_found", `there is no actor ${to}`);
  if (claim.actor.status === "quarantined") throw quarantined(to);
  const { entry, plan } = open(registry, claim.actor);
  const now = timeFor(claim.actor, tx.now);
  for (const mail of claim.mail) {
    plan.consume(mail);
    if (!applyMail(entry, plan, { mail, actor: claim.actor, now })) throw quarantined(to);
  }
  const before = statesOf(entry.machine, plan.record);
  const done = step(entry.machine, { address: to, record: plan.record, event, cause: null, now });
  plan.apply(done, { from, event, cause: null });
  const commit = plan.commit();
  await tx.commitTurns([commit]);
  const actor = { ...commit.actor, updatedAt: now };
  const taken = done.dropped === null && done.transitions.length > 0;
  return { result: { taken, before, after: done.states, actor }, commit };
}

function quarantined(address: string): RouseError {
  return new RouseError(
    "actor_quarantined",
    `${address} is quarantined after an event it could not process`,
    {
      nextStep: "See the dead letters: rouse status.",
    },
  );
}
