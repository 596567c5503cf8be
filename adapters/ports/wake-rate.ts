const windowMs = 60_000;

/** Limits how often one agent is typed to, over all its threads. Kept in memory: the charts limit each thread durably. */
export class WakeRate {
  readonly #wakesPerMinute: number;
  readonly #recent = new Map<string, number[]>();

  constructor(wakesPerMinute: number) {
    this.#wakesPerMinute = wakesPerMinute;
  }

  /** Milliseconds until the agent may be woken again, 0 when it may now. */
  waitMs(agentId: string, now: number): number {
    const recent = this.#within(agentId, now);
    const oldest = recent.at(-this.#wakesPerMinute);
    return oldest === undefined ? 0 : oldest + windowMs - now;
  }

  note(agentId: string, now: number): void {
    this.#recent.set(agentId, [...this.#within(agentId, now), now]);
  }

  #within(agentId: string, now: number): number[] {
    return (this.#recent.get(agentId) ?? []).filter((at) => now - at < windowMs);
  }
}
