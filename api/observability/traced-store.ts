import type { Address } from "../../machines/mail.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type {
  ActorEvent,
  Claim,
  ClaimedEffect,
  Lease,
  NewMail,
  Store,
  TraceCarrier,
  Transaction,
  TurnCommit,
} from "../../runtime/store.ts";
import { carrierFor, carrierIn, recordWith, sinceOf, splitRecord, withoutCarrier } from "./trace-carrier.ts";
import { traceScope } from "./trace-scope.ts";
import type { OpenSpan, Tracing } from "./tracing.ts";

/**
 * The same store, along which traces go on: a call's trace is written into the mail that it sends, a turn's into all it
 * asks for and into the actor itself, an effect's into its end. So a trace outlives the node that began it. Rows of what
 * is not recorded stay as they are.
 */
export function traceStore(store: Store, tracing: Tracing): Store {
  const held = new Map<string, HeldEffect>();
  return {
    ...store,
    transaction: tracedTransaction(store, tracing, held),
    ...tracedEffects(store, tracing, held),
  };
}

interface HeldEffect {
  span: OpenSpan;
  carrier: TraceCarrier;
}

function tracedTransaction(
  store: Store,
  tracing: Tracing,
  held: ReadonlyMap<string, HeldEffect>,
): Store["transaction"] {
  return async (work, options = {}) => {
    if (options.readOnly === true) return store.transaction(work, options);
    const { lease } = options;
    const ambient = (lease === undefined ? traceScope.getStore() : held.get(keyOf(lease))?.carrier) ?? null;
    const turns = new TracedTurns(tracing, { carrier: ambient, reporter: lease?.address ?? null });
    try {
      const result = await store.transaction((tx) => work(turns.around(tx)), options);
      turns.end(null);
      return result;
    } catch (error) {
      turns.end(error);
      throw error;
    }
  };
}

interface Ambient {
  /** Of the call or the effect that the transaction belongs to. */
  carrier: TraceCarrier | null;
  /** The actor whose effect it is. What an effect reports to it is news, not a consequence of what once began it. */
  reporter: Address | null;
}

/** The turns of one transaction. */
class TracedTurns {
  readonly #tracing: Tracing;
  readonly #ambient: Ambient;
  readonly #startedAt = Date.now();
  readonly #open: OpenSpan[] = [];
  /** What the claimed actors were last about. */
  readonly #stored = new Map<Address, TraceCarrier>();

  constructor(tracing: Tracing, ambient: Ambient) {
    this.#tracing = tracing;
    this.#ambient = ambient;
  }

  around(tx: Transaction): Transaction {
    const { carrier, reporter } = this.#ambient;
    const traced: Transaction = {
      ...tx,
      claimReady: async (request) =>
        (await tx.claimReady(request)).map((claim) => this.#opened(claim, tx.now)),
      claimActor: async (address) => {
        const claim = await tx.claimActor(address);
        return claim === null ? null : this.#opened(claim, tx.now);
      },
      commitTurns: (commits) => tx.commitTurns(commits.map((commit) => this.#trace(commit, tx.now))),
    };
    if (carrier === null) return traced;
    return {
      ...traced,
      send: (mail) =>
        tx.send(mail.map((each) => (each.to === reporter ? each : carryingMail(each, carrier)))),
      publish: (message) => tx.publish(carryingMail(message, carrier)),
    };
  }

  end(error: unknown): void {
    const failure = error === null ? {} : { error: textOf(error) };
    for (const span of this.#open) span.end(failure);
  }

  #opened(claim: Claim, now: number): Claim {
    const { record, carrier } = splitRecord(claim.actor.record, now);
    if (record === claim.actor.record) return claim;
    if (carrier !== null) this.#stored.set(claim.actor.address, carrier);
    return { ...claim, actor: { ...claim.actor, record } };
  }

  #trace(commit: TurnCommit, now: number): TurnCommit {
    const carried = commit.consumed.flatMap(({ event }) => carrierIn(event, now) ?? []);
    const { carrier } = this.#ambient;
    const [first, ...others] = carrier === null ? carried : [carrier, ...carried];
    if (first === undefined) return continued(commit, this.#stored.get(commit.actor.address));
    const span = this.#start(commit, first, others);
    if (span === null) return commit;
    this.#open.push(span);
    return carryingCommit(commit, carrierFor(span.traceparent, sinceOf(first.tracestate)));
  }

  #start(
    { actor, journal }: TurnCommit,
    parent: TraceCarrier,
    others: readonly TraceCarrier[],
  ): OpenSpan | null {
    return this.#tracing.start({
      name: `turn ${actor.kind}`,
      kind: "consumer",
      parent: parent.traceparent,
      links: others.map(({ traceparent }) => traceparent),
      startedAt: this.#startedAt,
      attributes: {
        "rouse.actor": actor.address,
        "rouse.version": actor.version,
        "rouse.events": journal.map(({ event }) => event.type),
        "rouse.transitions": journal.flatMap(({ transitions }) => [...transitions]),
        "rouse.states": [...(journal.at(-1)?.states ?? [])],
      },
    });
  }
}

/** An untraced event on the way: what the actor is about goes on, in its own timers and effects. */
function continued(commit: TurnCommit, stored: TraceCarrier | undefined): TurnCommit {
  if (stored === undefined) return commit;
  const { timersArmed, effectsRequested } = carryingCommit(commit, stored);
  return { ...commit, timersArmed, effectsRequested, actor: carryingActor(commit.actor, stored) };
}

function carryingCommit(commit: TurnCommit, carrier: TraceCarrier): TurnCommit {
  const { actor, outgoing, published, timersArmed, effectsRequested } = commit;
  return {
    ...commit,
    actor: carryingActor(actor, carrier),
    outgoing: outgoing.map((mail) => carryingMail(mail, carrier)),
    published: published.map((message) => carryingMail(message, carrier)),
    timersArmed: timersArmed.map((timer) => carryingMail(timer, carrier)),
    effectsRequested: effectsRequested.map((request) => ({
      ...request,
      input: carryingInput(request.input, carrier),
    })),
  };
}

function carryingActor(actor: TurnCommit["actor"], carrier: TraceCarrier): TurnCommit["actor"] {
  return { ...actor, record: recordWith(actor.record, carrier) };
}

function carryingMail<Carried extends Pick<NewMail, "event">>(mail: Carried, carrier: TraceCarrier): Carried {
  const event: ActorEvent = { ...mail.event, ...carrier };
  return { ...mail, event };
}

function carryingInput(input: unknown, carrier: TraceCarrier): unknown {
  const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
  return isObject ? { ...input, ...carrier } : input;
}

type EffectMethods = Pick<Store, "claimEffects" | "claimExpiredEffects" | "settleEffect" | "releaseEffect">;

function tracedEffects(store: Store, tracing: Tracing, held: Map<string, HeldEffect>): EffectMethods {
  const begin = (effect: ClaimedEffect): ClaimedEffect => {
    const carrier = carrierIn(effect.input, Date.now());
    const input = withoutCarrier(effect.input);
    if (carrier === null) return input === effect.input ? effect : { ...effect, input };
    const { lease, port, attempt } = effect;
    const span = tracing.start({
      name: `effect ${port}`,
      kind: "consumer",
      parent: carrier.traceparent,
      attributes: { "rouse.actor": lease.address, "rouse.port": port, "rouse.attempt": attempt },
    });
    if (span !== null) {
      held.set(keyOf(lease), { span, carrier: carrierFor(span.traceparent, sinceOf(carrier.tracestate)) });
    }
    return { ...effect, input };
  };
  const end = (lease: Lease, how: { outcome: string; error?: string }): void => {
    const { outcome, ...error } = how;
    held.get(keyOf(lease))?.span.end({ attributes: { "rouse.outcome": outcome }, ...error });
    held.delete(keyOf(lease));
  };
  return {
    claimEffects: async (request) => (await store.claimEffects(request)).map(begin),
    claimExpiredEffects: async (request) => (await store.claimExpiredEffects(request)).map(begin),
    async settleEffect(lease, outcome) {
      const trace = held.get(keyOf(lease))?.carrier;
      try {
        await store.settleEffect(lease, trace === undefined ? outcome : { ...outcome, trace });
      } catch (error) {
        if (isRouseError(error, "lease_lost")) end(lease, { outcome: "lost" });
        throw error;
      }
      end(lease, {
        outcome: outcome.status,
        ...("error" in outcome ? { error: `${outcome.error.code}: ${outcome.error.message}` } : {}),
      });
    },
    async releaseEffect(lease) {
      end(lease, { outcome: "lost" });
      await store.releaseEffect(lease);
    },
  };
}

function textOf(error: unknown): string {
  return isRouseError(error) ? error.code : String(error);
}

function keyOf({ address, incarnation, token }: Lease): string {
  return `${address} ${incarnation} ${token}`;
}
