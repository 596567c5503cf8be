import { z } from "zod";
import { releaseActor } from "../../runtime/quarantine.ts";
import type { DeadLetter, StoredJournalEntry } from "../../runtime/store.ts";
import { RouseError } from "../../runtime/errors.ts";
import { requireReason } from "./access.ts";
import { cursor, iso, limit, page, pageEnd, pageQuery, reason, timestamp } from "./fields.ts";
import { actorAddress, journalEntryShape, journalEntryView } from "./journal-view.ts";
import { defineMutation, defineQuery, type MutationCall } from "./operation.ts";
import { overseers, people } from "./role-sets.ts";

/** Mail that was set aside, and what a person decides over it. */

const deadLetterId = z
  .string()
  .regex(/^[1-9]\d{0,17}$/, "must be a dead letter's id, a number")
  .describe("Dead letter.");

const status = z.enum(["open", "requeued", "discarded"]);

const deadLetterShape = z.object({
  dead_letter_id: z.string(),
  address: z.string(),
  at: timestamp,
  from: z.string(),
  event: z.looseObject({ type: z.string() }),
  cause: z
    .object({ type: z.enum(["invoke", "timer"]), id: z.string(), incarnation: z.int() })
    .nullable()
    .describe(
      "What the actor had asked for, when the event answers that. Out of date it is dropped when it comes again.",
    ),
  error: z.looseObject({ code: z.string(), message: z.string() }),
  journal_seq: z.int().nullable(),
  status,
  decision: z.object({ by: z.string(), reason: z.string(), at: timestamp }).nullable(),
});

function deadLetterView(letter: DeadLetter): z.input<typeof deadLetterShape> {
  const { decision } = letter;
  return {
    dead_letter_id: letter.deadLetterId,
    address: letter.address,
    at: iso(letter.at),
    from: letter.from,
    event: { ...letter.event },
    cause: letter.cause,
    error: { ...letter.error },
    journal_seq: letter.journalSeq,
    status: letter.status,
    decision: decision === null ? null : { ...decision, at: iso(decision.at) },
  };
}

export const listDeadLetters = defineQuery({
  name: "list_dead_letters",
  summary: "Events that an actor could not process, with the error and what was decided. Newest first.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/dead-letters" },
  roles: overseers,
  input: {
    address: actorAddress.optional(),
    code: z
      .string()
      .regex(/^[a-z_]{1,64}$/)
      .optional()
      .describe("Code of the error."),
    status: status.optional().describe("open: nobody has decided yet."),
    limit,
    cursor,
  },
  output: { dead_letters: z.array(deadLetterShape), ...page },
  async handler({ input, store }) {
    const { address, code, status: wanted } = input;
    const { rows, next } = await store.listDeadLetters({
      ...pageQuery(input),
      ...(address === undefined ? {} : { address }),
      ...(code === undefined ? {} : { code }),
      ...(wanted === undefined ? {} : { status: wanted }),
    });
    return { dead_letters: rows.map(deadLetterView), ...pageEnd(next) };
  },
});

/** Enough to see what led to it and what became of it. */
const journalBefore = 10;
const journalAfter = 5;

export const getDeadLetter = defineQuery({
  name: "get_dead_letter",
  summary: "One dead letter: the whole event, its cause, the error, its actor, and the journal around it.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/dead-letters/:dead_letter_id" },
  roles: overseers,
  refusals: ["not_found"],
  input: { dead_letter_id: deadLetterId },
  output: {
    dead_letter: deadLetterShape,
    actor_status: z.string().nullable().describe("Of its addressee now; null when there is none."),
    journal: z.array(journalEntryShape),
  },
  async handler({ input, store }) {
    const letter = await store.getDeadLetter(input.dead_letter_id);
    if (letter === null) throw unknownLetter(input.dead_letter_id);
    const actor = await store.getActor(letter.address);
    let journal: StoredJournalEntry[] = [];
    if (letter.journalSeq !== null) {
      const after = String(Math.max(0, letter.journalSeq - 1 - journalBefore));
      const rows = { address: letter.address, after, limit: journalBefore + 1 + journalAfter };
      journal = await store.listJournal(rows);
    }
    return {
      dead_letter: deadLetterView(letter),
      actor_status: actor?.status ?? null,
      journal: journal.map(journalEntryView),
    };
  },
});

function unknownLetter(id: string): RouseError {
  return new RouseError("not_found", `there is no dead letter ${id}`, {
    nextStep: "List the dead letters to find its id.",
    details: { dead_letter_id: id },
  });
}

const decided = {
  dead_letter: deadLetterShape,
  changed: z.boolean().describe("False when this was decided before; nothing happened now."),
};

export const requeueDeadLetter = defineMutation({
  name: "requeue_dead_letter",
  summary:
    "Puts a dead letter's mail back at the end of its actor's mailbox; on request releases the actor, too.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/dead-letters/:dead_letter_id/requeue" },
  roles: people,
  refusals: ["not_found", "actor_not_found", "reason_required", "transition_refused"],
  idempotent: true,
  input: {
    dead_letter_id: deadLetterId,
    release: z.boolean().optional().describe("Release its actor from quarantine as well."),
    reason: reason.optional().describe("Required: why."),
  },
  output: { ...decided, released: z.boolean() },
  async handler(call) {
    const why = requireReason(call.input.reason, "requeueing a dead letter");
    const { tx, caller, input } = call;
    const found = input.release === true ? await tx.getDeadLetter(input.dead_letter_id) : null;
    // Actors are locked before anything else, as everywhere; an addressee that is missing is told by the decision.
    const isThere = found?.status === "open" && (await tx.getActor(found.address)) !== null;
    const released =
      isThere && (await releaseActor(tx, { address: found.address, by: caller.agentId, reason: why }));
    if (released && found !== null) {
      call.noteChange(found.address, { before: "quarantined", after: "released" });
    }
    const { letter, changed } = await decide(call, "requeued", why);
    return { dead_letter: deadLetterView(letter), changed, released };
  },
});

export const discardDeadLetter = defineMutation({
  name: "discard_dead_letter",
  summary: "Settles that a dead letter's mail will not come again. It stays on record.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/dead-letters/:dead_letter_id/discard" },
  roles: people,
  refusals: ["not_found", "reason_required", "transition_refused"],
  idempotent: true,
  destructive: true,
  input: { dead_letter_id: deadLetterId, reason: reason.optional().describe("Required: why.") },
  output: decided,
  async handler(call) {
    const why = requireReason(call.input.reason, "discarding a dead letter");
    const { letter, changed } = await decide(call, "discarded", why);
    return { dead_letter: deadLetterView(letter), changed };
  },
});

type Deciding = MutationCall<{ dead_letter_id: string }>;

async function decide(
  { tx, caller, input, noteChange }: Deciding,
  wanted: "requeued" | "discarded",
  why: string,
) {
  const decision = { status: wanted, by: caller.agentId, reason: why };
  const decided = await tx.decideDeadLetter({ deadLetterId: input.dead_letter_id, ...decision });
  if (decided.changed) noteChange(`dead-letter/${input.dead_letter_id}`, { before: "open", after: wanted });
  return decided;
}
