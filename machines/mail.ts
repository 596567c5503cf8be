/**
 * The engine adds `now` (epoch milliseconds of the turn, from the store's clock) to every event it applies;
 * machines know no other clock.
 */
export type Timed<Event> = Event & { readonly now: number };

/** Reads the turn's time from any event the engine applies: its own (`xstate.*`) and the creation included. */
export function timeOf(event: object): number {
  const { now, input } = event as { now?: unknown; input?: { now?: unknown } };
  const time = now ?? input?.now;
  if (typeof time !== "number") throw new Error("event carries no `now`: it did not come through the engine");
  return time;
}

/** Address of an actor: kind and id, for instance `thread/th-7`. */
export type Address = `${string}/${string}`;

/** An emitted event goes to all actors subscribed to its topic, in the same commit. */
export interface Published {
  topic: string;
}

export const addresses = {
  thread: (threadId: string): Address => `thread/${threadId}`,
  participant: (threadId: string, agentId: string): Address => `participant/${threadId}.${agentId}`,
  runtime: (runtimeId: string): Address => `runtime/${runtimeId}`,
  notifier: (notifierId: string): Address => `notifier/${notifierId}`,
};

export const topics = {
  thread: (threadId: string): string => `thread/${threadId}`,
  agent: (agentId: string): string => `agent/${agentId}`,
  workspace: "workspace",
  /** What needs a person; the engine itself publishes there. */
  people: "people",
};
