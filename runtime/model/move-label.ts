import { eventLabel } from "../../machines/export/labels.ts";
import type { Move } from "./model.ts";

/** A move in words: `order.paid`, `chargeCard answers`, `after payTimeout`. */
export function moveLabel(move: Move): string {
  switch (move.type) {
    case "mail":
      return move.event.type;
    case "done":
      return `${move.invoke} answers`;
    case "failed":
      return `${move.invoke} fails with ${move.error.code}`;
    case "timer":
      return eventLabel(move.timer);
  }
}

/** `order.charging done chargeCard`: a transition's id in words. */
export function transitionName(id: string): string {
  const [state = "", event = ""] = id.split(" ");
  const [type = "", index = "0"] = event.split("#");
  const number = index === "0" ? "" : ` (${Number(index) + 1})`;
  return `${state} ${type === "always" ? "always" : eventLabel(type)}${number}`;
}
