import { numberOrNull } from "./columns.ts";
import type { Database } from "./connect.ts";
import { asRouseError } from "./refusal.ts";

/** One wake from the post that called for it to its end, for whoever measures. Times in epoch ms of the database. */
export interface WakeTimes {
  wakeId: string;
  openedAt: number;
  /** When the newest message of the wake was posted; null unless this is the first wake for it. */
  postedAt: number | null;
  acknowledgedAt: number | null;
  outcome: string | null;
  reason: string | null;
  /** In the order in which they were asked for; `input` and `output` are JSON values. */
  effects: { port: string; status: string; input: unknown; output: unknown }[];
}

export async function readWakeTimes(
  database: Pick<Database, "sql">,
  { workspaceId, wakeId }: { workspaceId: string; wakeId: string },
): Promise<WakeTimes | null> {
  const { sql } = database;
  try {
    const [[row], effects] = await Promise.all([
      sql`
        select w.*, m.created_at as posted_at, before.head_seq as earlier_head
        from rouse.wake w
        left join rouse.message m
          on m.workspace_id = w.workspace_id and m.thread_id = w.thread_id and m.seq = w.head_seq
        left join lateral (
          select e.head_seq from rouse.wake e
          where e.workspace_id = w.workspace_id and e.thread_id = w.thread_id and e.agent_id = w.agent_id
            and e.opened_at < w.opened_at
          order by e.opened_at desc limit 1
        ) before on true
        where w.workspace_id = ${workspaceId} and w.wake_id = ${wakeId}`,
      sql`
        select port, status, input, outcome from rouse.effect
        where workspace_id = ${workspaceId} and correlation = ${wakeId} order by incarnation`,
    ]);
    if (row === undefined) return null;
    const isFirst = row["earlier_head"] === null || Number(row["earlier_head"]) < Number(row["head_seq"]);
    return {
      wakeId,
      openedAt: Number(row["opened_at"]),
      postedAt: isFirst ? numberOrNull(row["posted_at"]) : null,
      acknowledgedAt: numberOrNull(row["acknowledged_at"]),
      outcome: row["outcome"],
      reason: row["reason"],
      effects: effects.map((effect) => ({
        port: effect["port"],
        status: effect["status"],
        input: JSON.parse(effect["input"]),
        output: effect["outcome"] === null ? null : JSON.parse(effect["outcome"]),
      })),
    };
  } catch (error) {
    throw asRouseError(error);
  }
}
