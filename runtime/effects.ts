import { Attempt, keyOf } from "./attempt.ts";
import { delay, type Clock } from "./clock.ts";
import { RouseError, errorBody, isRouseError } from "./errors.ts";
import { checkedOutput } from "./port-values.ts";
import type { AnyPortImplementation } from "./ports.ts";
import type { AnyPort } from "./registry.ts";
import { settledOrAborted, settledWithin } from "./settling.ts";
import type { ClaimedEffect, EffectKey, EffectOutcome, Lease, Store } from "./store.ts";

/** Performs effects after the commit that asked for them: claimed with a lease, fenced, retried by the port's policy. */

export interface PerformerOptions {
  store: Store;
  ports: readonly AnyPortImplementation[];
  nodeId: string;
  host: string;
  clock: Clock;
  leaseMs: number;
  /** Effects performed side by side; watches are not counted. */
  concurrency: number;
  /** There may be more to do: an effect wrote a report or an actor, or it ended, so that its slot is free. */
  onWritten: () => void;
  onError: (error: unknown) => void;
}

interface Running {
  effect: ClaimedEffect;
  /** Runs until its state is left; takes no slot. */
  watch: boolean;
  abort: AbortController;
  done: Promise<void>;
}

const firstSettleRetryMs = 100;

/** Watches are claimed even when every slot is taken. */
const watchesAtOnce = 8;
const recoveredAtOnce = 32;
const everything = 1_000_000;
const silencesForgiven = 5;

export class Performer {
  readonly #options: PerformerOptions;
  readonly #implementations: Map<string, AnyPortImplementation>;
  readonly #running = new Map<string, Running>();
  #draining = false;
  #beginning: Promise<void> | null = null;

  constructor(options: PerformerOptions) {
    this.#options = options;
    this.#implementations = new Map(
      options.ports.map((implementation) => [implementation.port.name, implementation]),
    );
  }

  get size(): number {
    return this.#running.size;
  }

  /** Claims what is ready and starts it. Returns how many were started. */
  async tick(): Promise<number> {
    if (this.#draining) return 0;
    await this.#begun();
    const { store, nodeId, host, leaseMs, concurrency } = this.#options;
    const free = concurrency - this.#works().length;
    const ports = [...this.#implementations.values()].filter(({ port }) => free > 0 || isWatch(port));
    const names = ports.map(({ port }) => port.name);
    const limit = free > 0 ? free : watchesAtOnce;
    const claimed = await store.claimEffects({ nodeId, host, ports: names, limit, leaseMs });
    for (const effect of claimed) this.#begin(effect);
    return claimed.length;
  }

  /** Takes over effects whose holder fell silent: they run again, or end uncertain. */
  async recover(): Promise<number> {
    if (this.#draining) return 0;
    await this.#begun();
    return this.#recover({ limit: recoveredAtOnce, includingOwn: false });
  }

  /**
   * Before anything else is claimed: what our id holds now was held by a process of this node that ended without
   * handing it back. Nobody else performs it, so nobody has to wait for its lease to run out.
   */
  #begun(): Promise<void> {
    this.#beginning ??= this.#takeBack().catch((error: unknown) => {
      this.#beginning = null;
      throw error;
    });
    return this.#beginning;
  }

  /** In one go: what is taken back is ours, and would be found again. */
  async #takeBack(): Promise<void> {
    await this.#recover({ limit: everything, includingOwn: true });
  }

  async #recover(which: { limit: number; includingOwn: boolean }): Promise<number> {
    const { store, nodeId, leaseMs, onWritten } = this.#options;
    const expired = await store.claimExpiredEffects({ nodeId, leaseMs, ...which });
    await Promise.all(expired.map((effect) => this.#takeOver(effect)));
    if (expired.length > 0) onWritten();
    return expired.length;
  }

  /** Extends all leases and stops what is no longer ours. */
  async renew(only?: readonly EffectKey[]): Promise<void> {
    const keys = only?.map(keyOf);
    const held = [...this.#running.values()].map(({ effect }) => effect.lease);
    const leases = held.filter((lease) => keys?.includes(keyOf(lease)) ?? true);
    if (leases.length === 0) return;
    const lost = await this.#options.store.renewLeases({ leases, leaseMs: this.#options.leaseMs });
    for (const lease of lost) {
      this.#running
        .get(leaseKeyOf(lease))
        ?.abort.abort(new RouseError("lease_lost", "the effect is no longer ours"));
    }
  }

  /** Resolves when everything running now has ended. */
  async settled(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ done }) => done));
  }

  /** Takes no new work, lets short work finish until the deadline, hands watches and the rest back. */
  async drain(deadlineMs: number): Promise<void> {
    this.#draining = true;
    for (const { watch, abort } of this.#running.values()) if (watch) abort.abort(drainingError());
    await this.#within(deadlineMs, this.#works());
    for (const { abort } of this.#running.values()) abort.abort(drainingError());
    await this.#within(deadlineMs, [...this.#running.values()]);
  }

  #works(): Running[] {
    return [...this.#running.values()].filter(({ watch }) => !watch);
  }

  async #within(deadlineMs: number, running: readonly Running[]): Promise<void> {
    const given = new AbortController();
    const deadline = delay(this.#options.clock, deadlineMs, given.signal);
    await Promise.race([Promise.all(running.map(({ done }) => done)), deadline]);
    given.abort();
  }

  async #takeOver(effect: ClaimedEffect): Promise<unknown> {
    const implementation = this.#implementations.get(effect.port);
    // Only once-only ports mark the start, so one that is not known here is one of them.
    if (effect.startedBefore && implementation?.port.repeat !== "idempotent") {
      const error = new RouseError(
        "effect_uncertain",
        `${effect.port} was under way when its node fell silent`,
      );
      return this.#settle(effect.lease, { status: "uncertain", error: errorBody(error) });
    }
    const runsHere =
      implementation !== undefined && (effect.host === null || effect.host === this.#options.host);
    if (runsHere && silencesItsNodes(effect, implementation.port)) {
      const text = `${effect.port} was begun ${effect.attempt - 1} times, and each time its node fell silent`;
      return this.#settle(effect.lease, {
        status: "failed",
        error: errorBody(new RouseError("internal", text)),
      });
    }
    if (runsHere) return this.#begin(effect);
    const error = errorBody(new RouseError("lease_lost", "its node fell silent"));
    return this.#settle(effect.lease, { status: "retry", error, delayMs: 0 });
  }

  #begin(effect: ClaimedEffect): void {
    const implementation = this.#implementations.get(effect.port);
    if (implementation === undefined) return;
    const abort = new AbortController();
    const key = leaseKeyOf(effect.lease);
    const done = this.#perform(effect, implementation, abort).finally(() => {
      this.#running.delete(key);
      this.#options.onWritten();
    });
    this.#running.set(key, { effect, watch: isWatch(implementation.port), abort, done });
  }

  async #perform(
    effect: ClaimedEffect,
    implementation: AnyPortImplementation,
    abort: AbortController,
  ): Promise<void> {
    const attempt = new Attempt(effect, this.#options, abort.signal);
    let work: Promise<unknown> = Promise.resolve();
    let isSettled = true;
    const { timeoutMs } = implementation.port;
    const cancelTimeout =
      timeoutMs === null
        ? () => {}
        : this.#options.clock.after(timeoutMs, () => abort.abort(timeoutError(effect.port, timeoutMs)));
    try {
      work = implementation.perform(attempt.call());
      const output = await settledOrAborted(work, abort.signal);
      const checked = checkedOutput(implementation.port, output);
      isSettled = await this.#settle(effect.lease, { status: "done", output: checked });
    } catch (error) {
      const outcome = outcomeOf(implementation.port, {
        error,
        attempt: effect.attempt,
        started: attempt.started,
      });
      // With its outcome the exclusive key is free, so work that took too long is given some time to notice.
      if (effect.exclusiveKey !== null && isRouseError(abort.signal.reason, "effect_timeout"))
        await settledWithin(work, { clock: this.#options.clock, ms: this.#options.leaseMs / 2 });
      isSettled = outcome !== null && (await this.#settle(effect.lease, outcome));
    } finally {
      cancelTimeout();
    }
    if (!isSettled) this.#releaseAfter(work, effect.lease);
  }

  /**
   * A chart that withdraws work does not wait for its end, but the exclusive key does: it stays taken until the work has
   * really stopped. Failing that the lease runs out.
   */
  #releaseAfter(work: Promise<unknown>, lease: Lease): void {
    const { store, onWritten, onError } = this.#options;
    work
      .catch(() => undefined)
      .then(() => store.releaseEffect(lease))
      .then(onWritten, onError);
  }

  /**
   * A database that is away is asked again until the lease has run out; then somebody takes the effect over. False when the
   * lease is no longer ours: somebody else decided, or this very outcome was recorded and only the answer was lost.
   */
  async #settle(lease: Lease, outcome: EffectOutcome): Promise<boolean> {
    const { store, clock, leaseMs, onError } = this.#options;
    const deadline = clock.now() + leaseMs;
    for (let waitMs = firstSettleRetryMs; ; waitMs *= 2) {
      try {
        await store.settleEffect(lease, outcome);
        return true;
      } catch (error) {
        if (isRouseError(error, "lease_lost")) return false;
        onError(error);
        if (!errorBody(error).retryable || clock.now() + waitMs > deadline) return true;
      }
      await delay(clock, waitMs);
    }
  }
}

/** The outcome of a failed attempt by the port's policy; null when it is not ours to record. */
export function outcomeOf(
  port: Pick<AnyPort, "name" | "repeat" | "retry" | "timeoutMs">,
  failure: { error: unknown; attempt: number; started: boolean },
): EffectOutcome | null {
  const { attempt, started } = failure;
  const error = errorBody(failure.error);
  if (error.code === "lease_lost") return null;
  if (port.repeat === "once" && started) {
    return {
      status: "uncertain",
      error: { ...error, code: "effect_uncertain", details: { cause: error.code } },
    };
  }
  if (error.code === "draining") return { status: "retry", error, delayMs: 0 };
  const delayMs = Math.min(port.retry.maxBackoffMs, port.retry.backoffMs * 2 ** Math.min(attempt - 1, 20));
  // A watch has no end of its own, so its retries are not counted.
  const mayRetry = error.retryable && (isWatch(port) || attempt < port.retry.attempts);
  return mayRetry ? { status: "retry", error, delayMs } : { status: "failed", error };
}

/** By lease: an effect may come back to us before we noticed that an earlier lease on it was lost. */
function leaseKeyOf(lease: Lease): string {
  return `${keyOf(lease)}:${lease.token}`;
}

/** Nodes die now and then, so a few silences do not count; work that kills whoever performs it must end. */
function silencesItsNodes({ attempt }: ClaimedEffect, port: Pick<AnyPort, "timeoutMs" | "retry">): boolean {
  return !isWatch(port) && attempt > port.retry.attempts + silencesForgiven;
}

function isWatch(port: Pick<AnyPort, "timeoutMs">): boolean {
  return port.timeoutMs === null;
}

function drainingError(): RouseError {
  return new RouseError("draining", "the node is shutting down");
}

function timeoutError(port: string, timeoutMs: number): RouseError {
  return new RouseError("effect_timeout", `${port} took longer than ${timeoutMs} ms`);
}
