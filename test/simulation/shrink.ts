import type { Mutes } from "./choices.ts";
import { run, type RunOptions, type RunResult } from "./run.ts";

export interface Shrunk {
  mutes: Mutes;
  steps: number;
  result: RunResult;
  tries: number;
}

type Range = readonly [from: number, to: number];

/** Those that disturb first; the order of events last, because it is read most easily when nothing else is left. */
const priority = [
  "fault",
  "saboteur",
  "restart",
  "person",
  "operator",
  "coordinator",
  "reader",
  "author",
  "agent",
  "latency",
  "order",
];

/**
 * Makes a failing run smaller: mutes ever smaller pieces of ever other streams, and shortens the disturbance, as long as
 * the same invariant is still violated.
 */
export async function shrink(failing: RunResult, options: RunOptions, mostTries = 100): Promise<Shrunk> {
  const invariant = failing.violation?.invariant;
  let best: Shrunk = { mutes: {}, steps: failing.chaosSteps, result: failing, tries: 0 };
  const attempt = async (mutes: Mutes, steps: number): Promise<boolean> => {
    if (best.tries >= mostTries) return false;
    best.tries += 1;
    const result = await run({ ...options, mutes, steps }).catch(() => null);
    if (result === null || result.violation?.invariant !== invariant) return false;
    best = { mutes, steps, result, tries: best.tries };
    return true;
  };
  for (
    let steps = Math.floor(best.steps / 2);
    steps > 4 && (await attempt(best.mutes, steps));
    steps = Math.floor(steps / 2)
  );
  const streams = Object.keys(failing.choices).filter((name) => name !== "profile");
  for (const stream of streams.toSorted((a, b) => rank(a) - rank(b))) {
    await mutePieces(best.result.choices[stream] ?? 0, (range) =>
      attempt(adding(best.mutes, stream, range), best.steps),
    );
  }
  for (let cut = Math.floor(best.steps / 4); cut > 4; cut = Math.floor(cut / 2))
    await attempt(best.mutes, best.steps - cut);
  return best;
}

/** All at once, else halves, down to eighths. */
async function mutePieces(count: number, tryMute: (range: Range) => Promise<boolean>): Promise<void> {
  const pieces: Range[] = [[0, Math.max(0, count - 1)]];
  const smallest = Math.max(1, count / 8);
  for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
    const [from, to] = piece;
    if ((await tryMute(piece)) || to - from + 1 <= smallest) continue;
    const middle = Math.floor((from + to) / 2);
    pieces.push([from, middle], [middle + 1, to]);
  }
}

function adding(mutes: Mutes, stream: string, range: Range): Mutes {
  return { ...mutes, [stream]: [...(mutes[stream] ?? []), range] };
}

function rank(stream: string): number {
  const index = priority.indexOf(stream.split(":")[0] ?? "");
  return index === -1 ? priority.length : index;
}
