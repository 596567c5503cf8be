import { setTimeout as pause } from "node:timers/promises";

/** Asks again and again until the answer is neither false nor null. Throws when it takes longer than `withinMs`. */
export async function until<Answer>(
  what: string,
  withinMs: number,
  ask: () => Promise<Answer | false | null> | Answer | false | null,
): Promise<Answer> {
  const endsAt = performance.now() + withinMs;
  let lastError: unknown = null;
  while (performance.now() < endsAt) {
    try {
      const answer = await ask();
      if (answer !== false && answer !== null) return answer;
    } catch (error) {
      lastError = error;
    }
    await pause(100);
  }
  throw new Error(`waited ${withinMs} ms in vain for ${what}`, { cause: lastError });
}
