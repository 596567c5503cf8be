import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { NotedWake } from "../../adapters/agents/scripted/wake-log.ts";
import { programsOf } from "../../api/cli/demo/leftovers.ts";
import type { Sql } from "../../persistence/postgres/connect.ts";
import type { Stage } from "./stage.ts";

/** What happened and what is left, seen from outside: by SQL, by tmux, by the process table, by the agents' own notes. */

export interface PastMessage {
  threadId: string;
  seq: number;
  author: string;
  body: string;
  inReplyTo: number | null;
}

export interface PastEntry {
  address: string;
  seq: number;
  at: number;
  event: { type: string; seq?: unknown };
  cause: { type: string; id: string; incarnation: number } | null;
  dropped: string | null;
}

export interface PastAttempt {
  address: string;
  incarnation: number;
  port: string;
  /** The wake it was made for. */
  correlation: string | null;
  effectStatus: string;
  attempt: number;
  started: boolean;
  finished: boolean;
}

export interface PastWake {
  wakeId: string;
  acknowledgedBy: string | null;
  outcome: string | null;
  reason: string | null;
}

export interface History {
  messages: PastMessage[];
  /** Version of every actor: the number of mails that it applied. */
  versions: Map<string, number>;
  /** In order of address and seq. */
  journal: PastEntry[];
  attempts: PastAttempt[];
  wakes: PastWake[];
  /** `thread/…` of each audited post. */
  auditedPosts: string[];
  noted: NotedWake[];
}

/** What nobody should find once everything has come to rest, and the living things that may be there. */
export interface Remains {
  mail: number;
  deadLetters: number;
  quarantined: string[];
  openWakes: string[];
  pendingEffects: string[];
  /** Actor and port of effects under way, and whether their lease has run out. */
  runningEffects: { address: string; port: string; expired: boolean }[];
  overdueTimers: string[];
  /** Timers of actors that have ended or do not exist. */
  orphanTimers: string[];
  /** Those that have been open for too long, with their last statement. */
  openTransactions: string[];
  livingRuntimes: string[];
  /** Runtime ids of panes; null where tmux is not used. */
  panes: string[] | null;
  buffers: number;
  programs: number;
}

export async function readHistory(stage: Stage): Promise<History> {
  return { ...(await stage.database.transaction(readTables)), noted: await stage.notedWakes() };
}

/** Of one moment: watched terminals go on reporting at rest. */
async function readTables(sql: Sql): Promise<Omit<History, "noted">> {
  await sql`set transaction isolation level repeatable read`;
  const [messages, actors, journal, attempts, wakes, audits] = await Promise.all([
    sql`select thread_id, seq, author, body, in_reply_to from rouse.message order by thread_id, seq`,
    sql`select address, version from rouse.actor`,
    sql`select address, seq, at, entry from rouse.journal order by address, seq`,
    sql`
      select a.address, a.incarnation, e.port, e.correlation, e.status, a.attempt, a.started_at, a.finished_at
      from rouse.effect_attempt a join rouse.effect e using (workspace_id, address, incarnation)`,
    sql`select wake_id, acknowledged_by, outcome, reason from rouse.wake`,
    sql`select subject from rouse.audit where operation = 'post_message' and outcome = 'done'`,
  ]);
  return {
    messages: messages.map((row) => ({
      threadId: row["thread_id"],
      seq: Number(row["seq"]),
      author: row["author"],
      body: row["body"],
      inReplyTo: row["in_reply_to"] === null ? null : Number(row["in_reply_to"]),
    })),
    versions: new Map(actors.map((row) => [row["address"] as string, Number(row["version"])])),
    journal: journal.map((row) => ({
      ...(JSON.parse(row["entry"] as string) as Pick<PastEntry, "event" | "cause" | "dropped">),
      address: row["address"],
      seq: Number(row["seq"]),
      at: Number(row["at"]),
    })),
    attempts: attempts.map((row) => ({
      address: row["address"],
      incarnation: Number(row["incarnation"]),
      port: row["port"],
      correlation: row["correlation"],
      effectStatus: row["status"],
      attempt: row["attempt"],
      started: row["started_at"] !== null,
      finished: row["finished_at"] !== null,
    })),
    wakes: wakes.map((row) => ({
      wakeId: row["wake_id"],
      acknowledgedBy: row["acknowledged_by"],
      outcome: row["outcome"],
      reason: row["reason"],
    })),
    auditedPosts: audits.map((row) => row["subject"] as string),
  };
}

/** A timer is overdue, and a transaction stuck, after this long: a loop that lives comes by within it. */
const overdueMs = 2_000;

export async function readRemains(stage: Stage): Promise<Remains> {
  const [stored, panes, programs] = await Promise.all([
    stage.database.transaction(readRemainingRows),
    listPanes(stage.home),
    programsOf(stage.home),
  ]);
  return {
    ...stored,
    panes: panes?.runtimes ?? null,
    buffers: panes?.buffers ?? 0,
    programs: programs.length,
  };
}

type RemainingRows = Omit<Remains, "panes" | "buffers" | "programs">;

/** Of one moment, so that a watch and its runtime are seen together. */
export async function readRemainingRows(sql: Sql): Promise<RemainingRows> {
  await sql`set transaction isolation level repeatable read`;
  const now = sql`(extract(epoch from clock_timestamp()) * 1000)`;
  const [[counts], open, quarantined, wakes, effects, timers, runtimes] = await Promise.all([
    sql`
      select (select count(*) from rouse.mailbox) as mail, (select count(*) from rouse.dead_letter) as dead_letters`,
    sql`
      select pid, application_name, state, left(query, 200) as query from pg_stat_activity
      where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
        and xact_start < clock_timestamp() - ${overdueMs} * interval '1 millisecond'`,
    sql`select address from rouse.actor where status = 'quarantined'`,
    sql`select wake_id from rouse.wake where closed_at is null`,
    sql`
      select address, port, status, lease_expires_at < ${now} as expired from rouse.effect
      where status in ('pending', 'running')`,
    sql`
      select t.address, t.timer_id, coalesce(a.status, 'missing') as status, t.due_at < ${now} - ${overdueMs}::bigint as overdue
      from rouse.timer t left join rouse.actor a using (workspace_id, address)`,
    sql`select address, record from rouse.actor where kind = 'runtime' and status <> 'done'`,
  ]);
  const timerName = (row: Record<string, unknown>) => `${String(row["address"])} ${String(row["timer_id"])}`;
  const addresses = (rows: readonly Record<string, unknown>[]) => rows.map((row) => String(row["address"]));
  const living = runtimes.filter((row) => !isGone(row["record"] as string));
  return {
    mail: Number(counts?.["mail"]),
    deadLetters: Number(counts?.["dead_letters"]),
    openTransactions: open.map((row) => Object.values(row).join(" ")),
    quarantined: addresses(quarantined),
    openWakes: wakes.map((row) => row["wake_id"] as string),
    pendingEffects: addresses(effects.filter((row) => row["status"] === "pending")),
    runningEffects: effects
      .filter((row) => row["status"] === "running")
      .map((row) => ({ address: row["address"], port: row["port"], expired: row["expired"] === true })),
    overdueTimers: timers.filter((row) => row["overdue"] === true).map(timerName),
    orphanTimers: timers.filter((row) => row["status"] !== "active").map(timerName),
    livingRuntimes: addresses(living).map((address) => address.replace("runtime/", "")),
  };
}

function isGone(record: string): boolean {
  const { snapshot } = JSON.parse(record) as {
    snapshot: { context: { reported: { state: string } | null } };
  };
  return ["dead", "deregistered"].includes(snapshot.context.reported?.state ?? "");
}

/** The last mails of all actors, oldest first: what to read beside an unrest. */
export async function readLastMails(sql: Sql): Promise<string[]> {
  const rows = await sql`
    select address, seq, entry::json -> 'event' ->> 'type' as type, entry::json ->> 'dropped' as dropped
    from rouse.journal order by at desc, address, seq desc limit 30`;
  return rows.toReversed().map((row) => {
    const dropped = row["dropped"] === null ? "" : ` dropped: ${row["dropped"]}`;
    return `${row["address"]} #${row["seq"]} ${row["type"]}${dropped}`;
  });
}

async function listPanes(home: string): Promise<{ runtimes: string[]; buffers: number } | null> {
  const socket = join(home, "terminals", "tmux", "tmux.sock");
  if (!existsSync(socket)) return null;
  const [panes, buffers] = await Promise.all([
    tmux(socket, ["list-panes", "-a", "-F", "#{@rouse_runtime}"]),
    tmux(socket, ["list-buffers", "-F", "#{buffer_name}"]),
  ]);
  // The pane without a runtime keeps the server alive.
  return { runtimes: panes.filter((id) => id !== ""), buffers: buffers.filter((name) => name !== "").length };
}

function tmux(socket: string, args: readonly string[]): Promise<string[]> {
  return new Promise((resolve) => {
    execFile("tmux", ["-S", socket, ...args], (error, stdout) => {
      resolve(error === null ? stdout.trimEnd().split("\n") : []);
    });
  });
}
