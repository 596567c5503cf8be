import { RouseError } from "../../runtime/errors.ts";

/** A place in the events: after the whole of one journal entry, or after the n-th thing that it tells of. */
export interface EventCursor {
  journalId: bigint;
  /** Null: the whole entry lies before. */
  index: number | null;
}

const largest = 2n ** 63n - 1n;

/** Throws `invalid_input`. */
export function parseEventCursor(text: string): EventCursor {
  const [, id, index] = /^(\d{1,19})(?:\.(\d{1,4}))?$/.exec(text) ?? [];
  if (id === undefined || BigInt(id) > largest) {
    throw new RouseError("invalid_input", "after: is no id of an event", {
      nextStep: "Repeat the id of the last event you have, or leave it out to begin now.",
      details: { issues: [{ path: "after", message: "is no id of an event" }] },
    });
  }
  return { journalId: BigInt(id), index: index === undefined ? null : Number(index) };
}

export function formatEventCursor({ journalId, index }: EventCursor): string {
  return index === null ? String(journalId) : `${journalId}.${index}`;
}

/** Entries with a greater id are still to be read. */
export function readAfter({ journalId, index }: EventCursor): string {
  return String(index === null || journalId === 0n ? journalId : journalId - 1n);
}

export function isBefore(eventId: string, { journalId, index }: EventCursor): boolean {
  const event = parseEventCursor(eventId);
  if (event.journalId !== journalId) return event.journalId < journalId;
  return index === null || (event.index ?? 0) <= index;
}
