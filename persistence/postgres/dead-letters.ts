import type { Address } from "../../machines/mail.ts";
import { errorBody, type ErrorBody } from "../../runtime/errors.ts";
import type { ActorEvent, DeadLetter } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import { actorNotFound } from "../missing.ts";
import type { OutgoingMail } from "./mailbox.ts";
import type { Scope } from "./scope.ts";

export interface NewDeadLetter {
  address: Address;
  from: string;
  event: ActorEvent;
  error: ErrorBody;
}

export async function insertDeadLetters(
  { sql, workspaceId, now }: Scope,
  letters: readonly NewDeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  await sql`
    insert into rouse.dead_letter (workspace_id, address, sender, event, error, at)
    select ${workspaceId}, x.address, coalesce(x.sender, ''), x.event, x.error, ${now}::bigint
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
        letters.map(({ error }) => JSON.stringify(error)),
      )}
    ) with ordinality as x(address, sender, event, error, place)
    order by x.place`;
}

/** A chart's mail to an actor that does not exist is kept where a person sees it. */
export function asDeadLetter({ to, from, event }: OutgoingMail): NewDeadLetter {
  return { address: to, from, event, error: errorBody(actorNotFound([to])) };
}

export async function listDeadLetters({ sql, workspaceId }: Scope, limit: number): Promise<DeadLetter[]> {
  const rows = await sql`
    select * from rouse.dead_letter where workspace_id = ${workspaceId} order by dead_letter_id desc limit ${limit}`;
  return rows.map((row) => ({
    address: row["address"] as Address,
    event: JSON.parse(row["event"]),
    from: row["sender"],
    error: JSON.parse(row["error"]),
    at: Number(row["at"]),
  }));
}
