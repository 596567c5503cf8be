const firstWaitMs = 200;
const longestWaitMs = 5_000;

/** Full jitter: many clients that failed together do not come back together. The node's own word is the least. */
export function waitBefore(attempt: number, retryAfterMs: number | null): number {
  const most = Math.min(firstWaitMs * 2 ** attempt, longestWaitMs);
  const jittered = Math.random() * most;
  return retryAfterMs === null ? jittered : retryAfterMs + jittered;
}

/** Ends early, without error, when the signal is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal?.addEventListener("abort", finish);
  });
}

/** A function, because the compiler takes a property that it has read for settled. */
export function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}
