import type { Commit, SimWorld, StoreCall } from "./contract.ts";
import type { Store, Transaction, TurnCommit } from "../../runtime/store.ts";
import { ChangeTracker } from "./state-changes.ts";

/** Performs calls of the store one by one and shows each one's changes to the checks. */
export class Observer {
  readonly #world: SimWorld;
  readonly #store: Store;
  readonly #tracker: ChangeTracker;

  constructor(world: SimWorld, store: Store) {
    this.#world = world;
    this.#store = store;
    this.#tracker = new ChangeTracker(world.state);
  }

  async run(call: StoreCall): Promise<unknown> {
    const turns: TurnCommit[] = [];
    const method = Reflect.get(this.#store, call.method) as (...args: unknown[]) => Promise<unknown>;
    let error: unknown = null;
    try {
      return await method.apply(this.#store, withWatchedWork(call, turns));
    } catch (reason) {
      error = reason;
      throw reason;
    } finally {
      const changes = this.#tracker.collect();
      if (changes !== null) this.#show({ ...call, turns, changes, error });
    }
  }

  #show(commit: Omit<Commit, "at" | "step">): void {
    const { now: at, steps: step } = this.#world.scheduler;
    this.#world.checks.onCommit({ ...commit, at, step });
  }
}

function withWatchedWork({ method, args }: StoreCall, turns: TurnCommit[]): unknown[] {
  const [work, ...rest] = args;
  if (method !== "transaction") return [...args];
  const given = work as (tx: Transaction) => Promise<unknown>;
  const watched = (tx: Transaction) =>
    given(
      new Proxy(tx, {
        get(target, name): unknown {
          if (name !== "commitTurns") return Reflect.get(target, name);
          return (commits: readonly TurnCommit[]) => {
            turns.push(...commits);
            return target.commitTurns(commits);
          };
        },
      }),
    );
  return [watched, ...rest];
}
