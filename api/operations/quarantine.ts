import { z } from "zod";
import { releaseActor as release } from "../../runtime/quarantine.ts";
import type { QuarantinedActor, Store } from "../../runtime/store.ts";
import { requireReason } from "./access.ts";
import { cursor, iso, limit, page, pageEnd, pageQuery, reason, timestamp } from "./fields.ts";
import { actorAddress } from "./journal-view.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { overseers, people } from "./role-sets.ts";

/** Actors that were set aside, and the way back. */

const quarantinedShape = z.object({
  address: z.string(),
  kind: z.string(),
  since: timestamp,
  waiting_mail: z.int(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable().describe("What set it aside."),
  dead_letter_id: z
    .string()
    .nullable()
    .describe("The mail that did; null when its chart is missing or its migration failed."),
});

export const listQuarantined = defineQuery({
  name: "list_quarantined",
  summary: "Actors that were set aside: why, since when, and how much mail waits for each.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/actors/quarantined" },
  roles: overseers,
  input: { limit, cursor },
  output: { actors: z.array(quarantinedShape), ...page },
  async handler({ input, store }) {
    const { rows, next } = await store.listQuarantined(pageQuery(input));
    const actors = await Promise.all(rows.map((row) => view(store, row)));
    return { actors, ...pageEnd(next) };
  },
});

/** Nothing moves a quarantined actor, so its newest entry is the one that set it aside. */
async function view(
  store: Store,
  { actor, mail }: QuarantinedActor,
): Promise<z.input<typeof quarantinedShape>> {
  const { address, version } = actor;
  const [letters, [entry]] = await Promise.all([
    store.listDeadLetters({ address, limit: 1 }),
    store.listJournal({ address, after: String(version - 1), limit: 1 }),
  ]);
  const newest = letters.rows[0];
  const letter = newest?.journalSeq === version ? newest : null;
  const missing = errorIn(entry?.event["error"]);
  return {
    address,
    kind: actor.kind,
    since: iso(entry?.at ?? actor.updatedAt),
    waiting_mail: mail,
    error: letter === null ? missing : { ...letter.error },
    dead_letter_id: letter?.deadLetterId ?? null,
  };
}

/** `machine.missing` and its like carry their error themselves: no mail is to blame. */
const recordedError = z.looseObject({ code: z.string(), message: z.string() });

function errorIn(value: unknown): z.output<typeof recordedError> | null {
  return recordedError.safeParse(value).data ?? null;
}

export const releaseActor = defineMutation({
  name: "release_actor",
  summary: "Lets a quarantined actor go on with the mail that waits; what fails again sets it aside again.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/actors/release" },
  roles: people,
  refusals: ["actor_not_found", "reason_required", "transition_refused"],
  idempotent: true,
  input: { address: actorAddress, reason: reason.optional().describe("Required: why.") },
  output: {
    address: z.string(),
    released: z.boolean().describe("False when it was not quarantined."),
  },
  async handler({ tx, caller, input, noteChange }) {
    const why = requireReason(input.reason, "releasing an actor");
    const released = await release(tx, { address: input.address, by: caller.agentId, reason: why });
    if (released) noteChange(input.address, { before: "quarantined", after: "released" });
    return { address: input.address, released };
  },
});
