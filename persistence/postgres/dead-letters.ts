import type { Address } from "../../machines/mail.ts";
import type { Page } from "../../runtime/domain.ts";
import { errorBody, type ErrorBody } from "../../runtime/errors.ts";
import type { ActorEvent, Cause, DeadLetter, DeadLetterStatus } from "../../runtime/store.ts";
import { alreadyDecided, deadLetterNotFound, isDeadLetterId } from "../decided.ts";
import { column, numberOrNull } from "./columns.ts";
import { actorNotFound } from "../missing.ts";
import { insertMail, type OutgoingMail } from "./mailbox.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";

export interface NewDeadLetter {
  address: Address;
  from: string;
  event: ActorEvent;
  cause: Cause | null;
  error: ErrorBody;
  journalSeq: number | null;
}

export async function insertDeadLetters(
  { sql, workspaceId, now }: Scope,
  letters: readonly NewDeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  await sql`
    insert into rouse.dead_letter (workspace_id, address, sender, event, cause, error, journal_seq, at)
    select ${workspaceId}, x.address, coalesce(x.sender, ''), x.event, x.cause, x.error, x.journal_seq, ${now}::bigint
    from unnest(
      ${column(
        sql,
        letters.map(({ address }) => address),
      )},
      ${column(
        sql,
        letters.map(({ from }) => from),
      )},
      ${column(
        sql,
        letters.map(({ event }) => JSON.stringify(event)),
      )},
      ${column(
        sql,
        letters.map(({ cause }) => (cause === null ? null : JSON.stringify(cause))),
      )},
      ${column(
        sql,
        letters.map(({ error }) => JSON.stringify(error)),
      )},
      ${column(
        sql,
        letters.map(({ journalSeq }) => journalSeq),
      )}::bigint[]
    ) with ordinality as x(address, sender, event, cause, error, journal_seq, place)
    order by x.place`;
}

/** A chart's mail to an actor that does not exist is kept where a person sees it. */
export function asDeadLetter({ to, from, event, cause = null }: OutgoingMail): NewDeadLetter {
  return { address: to, from, event, cause, error: errorBody(actorNotFound([to])), journalSeq: null };
}

export async function listDeadLetters(
  { sql, workspaceId }: Scope,
  query: { address?: Address; code?: string; status?: DeadLetterStatus; after?: string; limit: number },
): Promise<Page<DeadLetter>> {
  const { address, code, status, after, limit } = query;
  const rows = await sql`
    select * from rouse.dead_letter
    where workspace_id = ${workspaceId}
      ${address === undefined ? sql`` : sql`and address = ${address}`}
      ${code === undefined ? sql`` : sql`and error::json ->> 'code' = ${code}`}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
      ${after === undefined ? sql`` : sql`and dead_letter_id < ${after}::bigint`}
    order by dead_letter_id desc
    limit ${limit + 1}`;
  return pageOf(rows.map(toDeadLetter), limit, ({ deadLetterId }) => deadLetterId);
}

export async function getDeadLetter(
  { sql, workspaceId }: Scope,
  deadLetterId: string,
): Promise<DeadLetter | null> {
  if (!isDeadLetterId(deadLetterId)) return null;
  const [row] = await sql`
    select * from rouse.dead_letter
    where workspace_id = ${workspaceId} and dead_letter_id = ${deadLetterId}::bigint`;
  return row === undefined ? null : toDeadLetter(row);
}

/** The row is locked first: of two who decide at once the second sees what the first did. */
export async function decideDeadLetter(
  scope: Scope,
  request: { deadLetterId: string; status: "requeued" | "discarded"; by: string; reason: string },
): Promise<{ letter: DeadLetter; changed: boolean }> {
  const { deadLetterId, status, by, reason } = request;
  const { sql, workspaceId, now } = scope;
  const letter = await lockDeadLetter(scope, deadLetterId);
  if (letter.status === status) return { letter, changed: false };
  if (letter.status !== "open") throw alreadyDecided(letter);
  if (status === "requeued") {
    const undelivered = await insertMail(scope, [{ ...letter, to: letter.address }]);
    if (undelivered.length > 0) throw actorNotFound([letter.address]);
  }
  const [row] = await sql`
    update rouse.dead_letter
    set status = ${status}, decided_by = ${by}, reason = ${reason}, decided_at = ${now}::bigint
    where workspace_id = ${workspaceId} and dead_letter_id = ${deadLetterId}::bigint
    returning *`;
  return { letter: row === undefined ? letter : toDeadLetter(row), changed: true };
}

async function lockDeadLetter({ sql, workspaceId }: Scope, deadLetterId: string): Promise<DeadLetter> {
  if (!isDeadLetterId(deadLetterId)) throw deadLetterNotFound(deadLetterId);
  const [row] = await sql`
    select * from rouse.dead_letter
    where workspace_id = ${workspaceId} and dead_letter_id = ${deadLetterId}::bigint for update`;
  if (row === undefined) throw deadLetterNotFound(deadLetterId);
  return toDeadLetter(row);
}

function toDeadLetter(row: Row): DeadLetter {
  const decision = { by: row["decided_by"], reason: row["reason"], at: Number(row["decided_at"]) };
  return {
    deadLetterId: row["dead_letter_id"],
    address: row["address"] as Address,
    event: JSON.parse(row["event"]),
    from: row["sender"],
    cause: row["cause"] === null ? null : JSON.parse(row["cause"]),
    error: JSON.parse(row["error"]),
    at: Number(row["at"]),
    journalSeq: numberOrNull(row["journal_seq"]),
    status: row["status"] as DeadLetterStatus,
    decision: row["status"] === "open" ? null : decision,
  };
}
