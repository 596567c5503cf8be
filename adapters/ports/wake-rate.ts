const windowMs = 60_000;

export interface WakeLimits {
  /** Wakes typed for one agent, over all its threads. */
  agent: number;
  /** Wakes typed because of one thread, for all its participants. */
  thread: number;
}

interface Wake {
  agentId: string;
  threadId: string;
}

/** Limits wakes per minute by agent and by thread (C9). In memory: each participant's own limit is in its chart, durably. */
export class WakeRate {
  readonly #limits: WakeLimits;
  readonly #recent = new Map<string, number[]>();

  constructor(limits: WakeLimits) {
    this.#limits = limits;
  }

  /** Milliseconds until this wake may be typed, 0 when it may now. */
  waitMs(wake: Wake, now: number): number {
    return Math.max(...this.#keys(wake).map(([key, limit]) => this.#waitFor(key, limit, now)));
  }

  note(wake: Wake, now: number): void {
    for (const [key] of this.#keys(wake)) this.#recent.set(key, [...this.#within(key, now), now]);
  }

  #keys({ agentId, threadId }: Wake): [key: string, limit: number][] {
    return [
      [`agent/${agentId}`, this.#limits.agent],
      [`thread/${threadId}`, this.#limits.thread],
    ];
  }

  #waitFor(key: string, limit: number, now: number): number {
    const oldest = this.#within(key, now).at(-limit);
    return oldest === undefined ? 0 : oldest + windowMs - now;
  }

  #within(key: string, now: number): number[] {
    return (this.#recent.get(key) ?? []).filter((at) => now - at < windowMs);
  }
}
