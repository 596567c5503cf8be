import { works, type Work } from "../runtime/store.ts";

/** Calls listeners in a microtask, once for all rings until then: never inside the caller's own work. */
export class LocalBell {
  readonly #listeners = new Set<{ call: () => void; work: Work | undefined }>();
  #rung: Set<Work> | null = null;

  ring(work: readonly Work[] = works): void {
    if (this.#rung === null) queueMicrotask(() => this.#call());
    this.#rung = new Set([...(this.#rung ?? []), ...work]);
  }

  onRing(call: () => void, work?: Work): () => void {
    // An object of its own: the same function subscribed twice is two subscriptions.
    const subscription = { call, work };
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  clear(): void {
    this.#listeners.clear();
  }

  #call(): void {
    const rung = this.#rung;
    this.#rung = null;
    for (const { call, work } of this.#listeners) {
      if (work === undefined || rung?.has(work) === true) call();
    }
  }
}
