import { createHash } from "node:crypto";
import type { AnyStateMachine } from "xstate";

const hashes = new WeakMap<AnyStateMachine, string>();

/** Hash of the chart as configured (16 hex digits); functions count by their registered names. */
export function machineHash(machine: AnyStateMachine): string {
  const known = hashes.get(machine);
  if (known !== undefined) return known;
  const text = JSON.stringify(canonical(machine.config));
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  hashes.set(machine, hash);
  return hash;
}

function canonical(value: unknown): unknown {
  if (typeof value === "function") return `function:${"type" in value ? String(value.type) : value.name}`;
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== "object") return value;
  const sorted = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([key, entry]) => [key, canonical(entry)]));
}
