import { delay, type Clock } from "./clock.ts";

/** Waiting for work that may ignore that it was told to stop. */

/** An implementation that ignores its signal must not hold its slot for ever. */
export function settledOrAborted<Output>(work: Promise<Output>, signal: AbortSignal): Promise<Output> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves when the work has ended, well or not, or after so long. */
export async function settledWithin(
  work: Promise<unknown>,
  { clock, ms }: { clock: Clock; ms: number },
): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work.catch(() => undefined), delay(clock, ms, ended.signal)]);
  ended.abort();
}
