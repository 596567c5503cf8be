import type { NotifierContext } from "../../machines/notifier/events.ts";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import type { StoredActor } from "../../runtime/store.ts";
import { requireSnapshot } from "../../runtime/stored-snapshot.ts";

/** What a stored actor shows without its chart. All throw `internal`, naming it, when its record cannot be read. */

export function participantContext(actor: StoredActor): ParticipantContext {
  return requireSnapshot(actor)["context"] as ParticipantContext;
}

export function runtimeContext(actor: StoredActor): RuntimeContext {
  return requireSnapshot(actor)["context"] as RuntimeContext;
}

export function notifierContext(actor: StoredActor): NotifierContext {
  return requireSnapshot(actor)["context"] as NotifierContext;
}

/** Paths of the active leaf states, for instance `attention.deferred`. */
export function statesOf(actor: StoredActor): string[] {
  return leaves(requireSnapshot(actor)["value"], []);
}

/** The state that one region of the chart stands in, its inner states left out; null when there is no such region. */
export function regionState(states: readonly string[], region: string): string | null {
  const path = states.find((state) => state.startsWith(`${region}.`));
  return path === undefined ? null : (path.slice(region.length + 1).split(".")[0] ?? null);
}

function leaves(value: unknown, path: readonly string[]): string[] {
  if (typeof value === "string") return [[...path, value].join(".")];
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value);
  if (entries.length === 0) return [path.join(".")];
  return entries.flatMap(([name, inner]) => leaves(inner, [...path, name]));
}
