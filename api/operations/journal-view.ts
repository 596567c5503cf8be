import { z } from "zod";
import type { Address } from "../../machines/mail.ts";
import type { StoredJournalEntry } from "../../runtime/store.ts";
import { iso, timestamp } from "./fields.ts";

export const actorAddress = z
  .string()
  .regex(/^[a-z]+\/[a-z0-9.-]{1,96}$/, "must be kind/id, for instance thread/th-7")
  .transform((text) => text as Address);

export const journalEntryShape = z.object({
  journal_id: z.string(),
  address: z.string(),
  seq: z.int(),
  at: timestamp,
  from: z.string(),
  event: z.looseObject({ type: z.string() }),
  cause: z
    .object({ type: z.enum(["invoke", "timer"]), id: z.string(), incarnation: z.int() })
    .nullable()
    .describe("The effect that it is the outcome of, or the timer that brought it."),
  transitions: z.array(z.string()),
  states: z.array(z.string()),
  dropped: z.string().nullable(),
  records: z.array(z.looseObject({ type: z.string() })).describe("What the chart had put on record."),
  machine_hash: z.string(),
  event_version: z.literal(1),
});

export function journalEntryView(entry: StoredJournalEntry): z.input<typeof journalEntryShape> {
  return {
    journal_id: entry.journalId,
    address: entry.address,
    seq: entry.seq,
    at: iso(entry.at),
    from: entry.from,
    event: { ...entry.event },
    cause: entry.cause,
    transitions: [...entry.transitions],
    states: [...entry.states],
    dropped: entry.dropped,
    records: entry.records.map((record) => ({ ...record })),
    machine_hash: entry.machineHash,
    event_version: 1 as const,
  };
}
