/** Calls listeners in a microtask, once for all rings until then: never inside the caller's own work. */
export class LocalBell {
  readonly #listeners = new Set<() => void>();
  #isRinging = false;

  ring(): void {
    if (this.#isRinging) return;
    this.#isRinging = true;
    queueMicrotask(() => {
      this.#isRinging = false;
      for (const listener of this.#listeners) listener();
    });
  }

  onRing(listener: () => void): () => void {
    // A wrapper of its own: the same function subscribed twice is two subscriptions.
    const subscription = (): void => listener();
    this.#listeners.add(subscription);
    return () => void this.#listeners.delete(subscription);
  }

  clear(): void {
    this.#listeners.clear();
  }
}
