import { StateMachine } from "xstate";

/** `foreign`: made by another copy of XState, whose snapshots the engine cannot vouch for. */
export function recognizeChart(value: unknown): "chart" | "foreign" | null {
  if (value instanceof StateMachine) return "chart";
  return isLikeChart(value) ? "foreign" : null;
}

function isLikeChart(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["config", "implementations", "root", "transition"].every((name) => name in value);
}
