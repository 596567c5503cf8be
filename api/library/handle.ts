import type { AnyStateMachine } from "xstate";
import type { Address } from "../../machines/mail.ts";
import { delay, type Clock } from "../../runtime/clock.ts";
import type { Engine } from "../../runtime/engine.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { ActorEvent, Store, StoredActor, StoredJournalEntry } from "../../runtime/store.ts";
import { requireSnapshot } from "../../runtime/stored-snapshot.ts";
import type { ActorState, Sent } from "./actor.ts";
import type { EventOf } from "./chart-types.ts";

export interface WaitOptions {
  /** Default: for ever. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

export interface JournalOptions {
  /** `seq` to begin after. Default: 0, the whole story. */
  after?: number;
  /** Goes on waiting for entries instead of ending with the latest. */
  follow?: boolean;
  signal?: AbortSignal;
}

/** One actor, existing or not. Holds nothing: any process may have one. */
export interface ActorHandle<Machine extends AnyStateMachine> {
  readonly address: Address;
  /** Null when it was never created. Throws `internal`, naming it, when its record cannot be read. */
  get(): Promise<ActorState<Machine> | null>;
  /**
   * Applies an event at once, after the mail that waits already; committed when it returns.
   * Throws `actor_not_found`, `actor_quarantined`.
   */
  send(event: EventOf<Machine>): Promise<Sent<Machine>>;
  /**
   * The first state seen that fits; states in between may be passed unseen. Throws `wait_timeout`, and `actor_not_found`,
   * `actor_quarantined` or `transition_refused` (it is done) as soon as waiting is in vain.
   */
  waitFor(fits: (state: ActorState<Machine>) => boolean, options?: WaitOptions): Promise<ActorState<Machine>>;
  /** One entry per event, oldest first: what came, which transitions it took, where it led. */
  journal(options?: JournalOptions): AsyncGenerator<StoredJournalEntry, void, undefined>;
}

export interface HandleOptions {
  engine: Engine;
  store: Store;
  clock: Clock;
  onChange: (listener: () => void) => () => void;
}

/** Commits of other processes are seen this late at most. */
const lookAgainMs = 250;
const entriesAtOnce = 100;

export function createHandle<Machine extends AnyStateMachine>(
  address: Address,
  options: HandleOptions,
): ActorHandle<Machine> {
  const { engine, store } = options;
  const get = async (): Promise<ActorState<Machine> | null> => {
    const actor = await store.getActor(address);
    return actor === null ? null : stateOf(actor);
  };
  return {
    address,
    get,
    async send(event) {
      // The chart's types say which events it takes; the engine takes any.
      const request = { to: address, event: event as unknown as ActorEvent, from: "library" };
      const { taken, actor } = await store.transaction((tx) => engine.command(tx, request));
      engine.ring();
      return { taken, state: stateOf(actor) };
    },
    async waitFor(fits, { timeoutMs, signal } = {}) {
      const until = timeoutMs === undefined ? Infinity : options.clock.now() + timeoutMs;
      for (;;) {
        const change = nextChange(options, signal);
        const state = await get();
        signal?.throwIfAborted();
        if (state !== null && fits(state)) return change.stop(state);
        const vain = await reasonInVain(store, address, state);
        if (vain !== null) return change.fail(vain);
        if (options.clock.now() >= until) return change.fail(timedOut(address, state, timeoutMs));
        await change.happened;
      }
    },
    async *journal({ after = 0, follow = false, signal } = {}) {
      let seq = after;
      for (;;) {
        const change = nextChange(options, signal);
        const page = await store.listJournal({ address, after: String(seq), limit: entriesAtOnce });
        yield* page;
        seq = page.at(-1)?.seq ?? seq;
        if (page.length === entriesAtOnce) continue;
        if (!follow || signal?.aborted === true) return change.stop(undefined);
        await change.happened;
      }
    },
  };
}

export function stateOf<Machine extends AnyStateMachine>(actor: StoredActor): ActorState<Machine> {
  // What is stored was written by this very chart.
  const { value, context, output } = requireSnapshot(actor) as Pick<
    ActorState<Machine>,
    "value" | "context" | "output"
  >;
  const { address, status, version, updatedAt } = actor;
  return { address, status, value, context, output, version, updatedAt };
}

/** Listens from now on, so that nothing that happens while somebody looks is missed. */
function nextChange({ onChange, clock }: HandleOptions, signal?: AbortSignal) {
  const over = new AbortController();
  const endListening = onChange(() => over.abort());
  const endOfSignal = (): void => over.abort();
  signal?.addEventListener("abort", endOfSignal, { once: true });
  const happened = delay(clock, lookAgainMs, over.signal).finally(() => {
    endListening();
    signal?.removeEventListener("abort", endOfSignal);
  });
  return {
    happened,
    stop: <Result>(result: Result): Result => {
      over.abort();
      return result;
    },
    fail: (error: RouseError): never => {
      over.abort();
      throw error;
    },
  };
}

async function reasonInVain(
  store: Store,
  address: Address,
  state: ActorState | null,
): Promise<RouseError | null> {
  if (state === null) return new RouseError("actor_not_found", `there is no actor ${address}`);
  if (state.status === "active") return null;
  if (state.status !== "quarantined") {
    const text = `${address} is done, in ${JSON.stringify(state.value)}, and will not change any more`;
    return new RouseError("transition_refused", text, { details: { value: state.value } });
  }
  const cause = await quarantineCause(store, address);
  return new RouseError("actor_quarantined", `${address} is quarantined: ${cause}`, {
    nextStep: "Its journal and dead letter show the event. Correct the chart, then release the actor.",
  });
}

async function quarantineCause(store: Store, address: Address): Promise<string> {
  const { rows } = await store.listDeadLetters({ address, limit: 1 });
  const [letter] = rows;
  return letter === undefined ? "its chart is not here" : `${letter.event.type}: ${letter.error.message}`;
}

function timedOut(address: Address, state: ActorState | null, timeoutMs = 0): RouseError {
  const text = `${address} is in ${JSON.stringify(state?.value)} after ${timeoutMs} ms`;
  return new RouseError("wait_timeout", text, { nextStep: "Its journal shows what happened so far." });
}
