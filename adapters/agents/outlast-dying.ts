import { delay, systemClock } from "../../runtime/clock.ts";

/** A killed process holds its memory, and its place among the living, for a moment longer. */
const dyingMs = 1_000;
const askAgainMs = 100;

/** Whether something is held, and stays held by more than a process that is about to be gone. */
export async function outlastDying(isHeldNow: () => Promise<boolean | null>): Promise<boolean | null> {
  const until = systemClock.now() + dyingMs;
  for (;;) {
    const isHeld = await isHeldNow();
    if (isHeld !== true || systemClock.now() >= until) return isHeld;
    await delay(systemClock, askAgainMs);
  }
}
