import type { NotifierContext } from "../../machines/notifier/events.ts";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import type { StoredActor } from "../../runtime/store.ts";

/** What a stored actor shows without its chart. */

export function participantContext(actor: StoredActor): ParticipantContext {
  return snapshotOf(actor)["context"] as ParticipantContext;
}

export function runtimeContext(actor: StoredActor): RuntimeContext {
  return snapshotOf(actor)["context"] as RuntimeContext;
}

export function notifierContext(actor: StoredActor): NotifierContext {
  return snapshotOf(actor)["context"] as NotifierContext;
}

/** Paths of the active leaf states, for instance `attention.deferred`. */
export function statesOf(actor: StoredActor): string[] {
  return leaves(snapshotOf(actor)["value"], []);
}

/** The state that one region of the chart stands in, its inner states left out; null when there is no such region. */
export function regionState(states: readonly string[], region: string): string | null {
  const path = states.find((state) => state.startsWith(`${region}.`));
  return path === undefined ? null : (path.slice(region.length + 1).split(".")[0] ?? null);
}

function snapshotOf(actor: StoredActor): Record<string, unknown> {
  return (JSON.parse(actor.record) as ActorRecord).snapshot;
}

function leaves(value: unknown, path: readonly string[]): string[] {
  if (typeof value === "string") return [[...path, value].join(".")];
  if (typeof value !== "object" || value === null) return [];
  const entries = Object.entries(value);
  if (entries.length === 0) return [path.join(".")];
  return entries.flatMap(([name, inner]) => leaves(inner, [...path, name]));
}
