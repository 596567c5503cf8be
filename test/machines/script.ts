import { replay } from "../../runtime/model/explore.ts";
import { begin, movesAt, walk, type Model, type Move, type Walked } from "../../runtime/model/model.ts";
import { staysPunctual } from "../../runtime/model/punctual.ts";

/** A path through a chart, made ready to be played by the real engine beside many others. */

/** One actor's part: what happens to it, and where the kernel alone arrives after each move. */
export interface Script {
  kind: string;
  model: Model<never>;
  moves: readonly Move[];
  /** The creation, then one per move. */
  expected: readonly Walked<never>[];
}

/** `number` makes the names of the part its own, so that parts share no terminal and no agent. */
export function scriptOf(
  kind: string,
  { model, moves }: { model: Model<never>; moves: readonly Move[] },
  number: number,
): Script {
  const own = {
    ...model,
    address: `${model.address}-${number}` as const,
    input: named(model.input, number),
  };
  const ownMoves = named(moves, number);
  return { kind, model: own, moves: ownMoves, expected: replay(own, ownMoves) };
}

/** A random path: about every second move is an outcome or a timer, in the order of their due times. */
export function wander(model: Model<never>, choices: readonly number[]): Move[] {
  const moves: Move[] = [];
  let { after } = begin(model);
  for (const choice of choices) {
    const possible = movesAt(model, after).filter((move) => staysPunctual(after, move));
    const own = possible.filter(({ type }) => type !== "mail");
    const offered = choice % 2 === 0 && own.length > 0 ? own : possible;
    const move = offered[Math.floor(choice / 2) % offered.length];
    if (move === undefined) break;
    moves.push(move);
    ({ after } = walk(model, after, move));
  }
  return moves;
}

/** Ids of the models. Ids that a chart derives from them change alike. */
function named<Value>(value: Value, number: number): Value {
  const text = JSON.stringify(value).replaceAll(/\b(th-7|reviewer|rt-\d)\b/g, `$1-${number}`);
  return JSON.parse(text) as Value;
}
