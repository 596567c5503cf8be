import { replay } from "./explore.ts";
import type { Model, Move, Position } from "./model.ts";

/**
 * The engine fires every timer as it falls due. A path in which one is overtaken by another, or by mail that
 * came after its due time, needs a node that is late; the kernel alone plays those.
 */
export function isPunctual<Context>(model: Model<Context>, moves: readonly Move[]): boolean {
  const walked = replay(model, moves);
  return moves.every((move, index) => {
    const before = walked[index];
    return before !== undefined && staysPunctual(before.after, move);
  });
}

export function staysPunctual({ due, now }: Position<unknown>, move: Move): boolean {
  const at = move.type === "timer" ? Math.max(now, due[move.timer]?.at ?? now) : now;
  return Object.entries(due).every(
    ([timer, other]) => other.at > at || (move.type === "timer" && move.timer === timer),
  );
}
