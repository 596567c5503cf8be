/** The engine's clock, as far as terminals need it. */
export interface TerminalClock {
  /** Epoch ms. */
  now(): number;
  /** Calls back once after `ms`; returns the function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export function sleep(clock: TerminalClock, durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(durationMs, resolve);
  });
}
