import type { TerminalClock } from "../../../adapters/terminals/clock.ts";

/** A virtual clock that leaps to the next timer as soon as nothing else is to be done. */
export function leapingClock(start = 1_000_000): TerminalClock & { advance(ms: number): void } {
  let now = start;
  const timers = new Set<{ at: number; call: () => void }>();
  const leap = (): void => {
    const [next] = [...timers].toSorted((a, b) => a.at - b.at);
    if (next === undefined) return;
    timers.delete(next);
    now = Math.max(now, next.at);
    next.call();
  };
  return {
    now: () => now,
    after(ms, call) {
      const timer = { at: now + ms, call };
      timers.add(timer);
      setImmediate(leap);
      return () => timers.delete(timer);
    },
    advance(ms) {
      now += ms;
    },
  };
}
