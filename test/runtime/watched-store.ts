import { RouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";

/** A store that tells when nobody uses it, and that can be away. */
export class WatchedStore {
  /** Every call is refused, as by a database that cannot be reached. */
  away = false;
  /** Calls that are refused besides. */
  refuse: (method: string) => boolean = () => false;
  readonly store: Store;
  #inFlight = 0;

  constructor(store: Store) {
    this.store = new Proxy(store, {
      get: (target, name, receiver): unknown => {
        const value: unknown = Reflect.get(target, name, receiver);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) =>
          this.#watch(String(name), () => Reflect.apply(value, target, given) as unknown);
      },
    });
  }

  /** Resolves when no call is under way and none follows without a timer. */
  async quiet(): Promise<void> {
    for (let calm = 0; calm < 2; calm = this.#inFlight === 0 ? calm + 1 : 0) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
  }

  async #watch(method: string, call: () => unknown): Promise<unknown> {
    this.#inFlight += 1;
    try {
      if (this.away || this.refuse(method)) throw new RouseError("database_unavailable", "away");
      return await call();
    } finally {
      this.#inFlight -= 1;
    }
  }
}
