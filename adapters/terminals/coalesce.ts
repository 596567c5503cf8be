import type { TerminalClock } from "./clock.ts";

/** Calls at once, then at most every `everyMs`, and once more at the end of a burst. */
export function coalesce(clock: TerminalClock, everyMs: number, call: () => void) {
  let cancel: (() => void) | null = null;
  let isDue = false;
  const rest = (): void => {
    cancel = clock.after(everyMs, () => {
      cancel = null;
      if (isDue) fire();
    });
  };
  const fire = (): void => {
    isDue = false;
    rest();
    call();
  };
  return {
    ring(): void {
      if (cancel === null) fire();
      else isDue = true;
    },
    stop(): void {
      cancel?.();
      isDue = false;
    },
  };
}
