import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Database } from "../../../persistence/postgres/connect.ts";
import type { Store } from "../../../runtime/store.ts";
import { takeTurns, turn, type TurnOptions } from "../../../runtime/turn.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { median, rounded } from "./median.ts";
import { createParticipants, mailKinds, participantAddress, sendStep, turnOptions } from "./participants.ts";
import { preparePgbench, runPgbench } from "./pgbench.ts";
import { serverCpuMs } from "./server-cpu.ts";

/** Durable turns of real participants against single-row updates of pgbench on the same server, round by round. */

export interface TurnsOptions {
  /** Interleaved: pgbench, then turns, then pgbench again. */
  rounds?: number;
  actors?: number;
  /** Of pgbench in each round. */
  seconds?: number;
  url?: string;
}

export interface TurnsFigures {
  /** Median over rounds of: events applied per second, one mail per actor and turn ÷ pgbench TPS of the same round. */
  turns_vs_pgbench_c8: number;
  turns_per_s: number;
  pgbench_tps: number;
  pgbench_by: string;
  /** Eight mails of each actor waiting at once: a turn applies them together. */
  burst_events_per_s: number;
  /** Mail comes in while turns run, sent by the same process. */
  fed_turns_per_s: number;
  /** Processor time per turn; `server` is null when the server runs elsewhere. */
  us_per_turn: { node: number; server: number | null };
  /** One actor, one mail: from the call that inserts it until the turn is committed. */
  single_turn_ms: { insert: number; turn: number };
}

interface Drained {
  events: number;
  ms: number;
  nodeMs: number;
  serverMs: number | null;
}

export async function measureTurns(options: TurnsOptions = {}): Promise<TurnsFigures> {
  const { rounds = 5, actors = 2_000, seconds = 3, url } = options;
  const { url: databaseUrl, database, remove } = await openBenchDatabase(url);
  try {
    await preparePgbench(databaseUrl);
    const bench = new TurnBench(database, actors);
    await bench.prepare();
    return await measure({ bench, rounds, pgbench: () => runPgbench({ url: databaseUrl, seconds }) });
  } finally {
    await remove();
  }
}

async function measure({
  bench,
  rounds,
  pgbench,
}: {
  bench: TurnBench;
  rounds: number;
  pgbench: () => ReturnType<typeof runPgbench>;
}): Promise<TurnsFigures> {
  const ratios: number[] = [];
  const [tps, perSecond, node, server, burst, fed]: number[][] = [[], [], [], [], [], []];
  let before = await pgbench();
  for (let round = 0; round < rounds; round += 1) {
    const steady = await bench.drainSteps(mailKinds);
    const after = await pgbench();
    const yardstick = (before.tps + after.tps) / 2;
    ratios.push(rate(steady) / yardstick);
    tps?.push(yardstick);
    perSecond?.push(rate(steady));
    node?.push((steady.nodeMs * 1_000) / steady.events);
    if (steady.serverMs !== null) server?.push((steady.serverMs * 1_000) / steady.events);
    burst?.push(rate(await bench.drainBurst(2 * mailKinds)));
    fed?.push(rate(await bench.drainFed(mailKinds)));
    before = after;
  }
  return {
    turns_vs_pgbench_c8: rounded(median(ratios)),
    turns_per_s: rounded(median(perSecond ?? []), 0),
    pgbench_tps: rounded(median(tps ?? []), 0),
    pgbench_by: before.by,
    burst_events_per_s: rounded(median(burst ?? []), 0),
    fed_turns_per_s: rounded(median(fed ?? []), 0),
    us_per_turn: {
      node: rounded(median(node ?? []), 0),
      server: server?.length === 0 ? null : rounded(median(server ?? []), 0),
    },
    single_turn_ms: await bench.singleTurns(200),
  };
}

function rate({ events, ms }: Drained): number {
  return (events * 1_000) / ms;
}

class TurnBench {
  readonly #database: Database;
  readonly #store: Store;
  readonly #options: TurnOptions;
  readonly #actors: number;
  #step = 0;

  constructor(database: Database, actors: number) {
    this.#database = database;
    this.#store = createPostgresStore({ database, workspaceId: "bench" });
    this.#options = turnOptions(this.#store);
    this.#actors = actors;
  }

  async prepare(): Promise<void> {
    await createParticipants(this.#options, this.#actors);
    await this.drainSteps(mailKinds);
    // As autovacuum has done in any database that is older than a minute.
    await this.#database.sql.unsafe("vacuum analyze");
  }

  /** One mail for every actor, drained; again for each step. Sending is not measured. */
  async drainSteps(steps: number): Promise<Drained> {
    const total: Drained = { events: 0, ms: 0, nodeMs: 0, serverMs: 0 };
    for (let done = 0; done < steps; done += 1) {
      await this.#send();
      const drained = await this.#measure(this.#actors, () => this.#drain());
      total.events += drained.events;
      total.ms += drained.ms;
      total.nodeMs += drained.nodeMs;
      total.serverMs =
        total.serverMs === null || drained.serverMs === null ? null : total.serverMs + drained.serverMs;
    }
    return total;
  }

  async drainBurst(steps: number): Promise<Drained> {
    for (let sent = 0; sent < steps; sent += 1) await this.#send();
    return this.#measure(this.#actors * steps, () => this.#drain());
  }

  /** Two steps are sent while the one before is under way, so that turns find mail all the time. */
  async drainFed(steps: number): Promise<Drained> {
    return this.#measure(this.#actors * steps, async () => {
      let sending = true;
      const feeding = (async () => {
        for (let sent = 0; sent < steps; sent += 1) await this.#send();
        sending = false;
      })();
      for (;;) {
        const wasSending = sending;
        if ((await takeTurns(this.#options)).moved === 0 && !wasSending) break;
      }
      await feeding;
    });
  }

  /** Medians in ms. */
  async singleTurns(count: number): Promise<{ insert: number; turn: number }> {
    const inserts: number[] = [];
    const turns: number[] = [];
    for (let index = 0; index < count; index += 1) {
      const startedAt = performance.now();
      const event = { type: "heartbeat.received", sessionId: "s", host: "here", resumable: true };
      await this.#store.transaction((tx) => tx.send([{ to: participantAddress(0), from: "a", event }]));
      const sentAt = performance.now();
      if ((await turn(this.#options)) !== 1) throw new Error("the mail was not found");
      inserts.push(sentAt - startedAt);
      turns.push(performance.now() - sentAt);
    }
    return { insert: rounded(median(inserts)), turn: rounded(median(turns)) };
  }

  async #send(): Promise<void> {
    await sendStep(this.#store, this.#actors, this.#step);
    this.#step += 1;
  }

  async #drain(): Promise<void> {
    while ((await takeTurns(this.#options)).moved > 0);
  }

  /** Counts what the journal gained: a turn that changed nothing durable would show. */
  async #measure(events: number, work: () => Promise<void>): Promise<Drained> {
    const versions = await this.#versions();
    const serverBefore = await serverCpuMs(this.#database);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    await work();
    const ms = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(cpu);
    const serverAfter = await serverCpuMs(this.#database);
    const gained = (await this.#versions()) - versions;
    if (gained !== events) throw new Error(`${events} mails were sent and ${gained} applied`);
    const serverMs = serverBefore === null || serverAfter === null ? null : serverAfter - serverBefore;
    return { events, ms, nodeMs: (user + system) / 1_000, serverMs };
  }

  async #versions(): Promise<number> {
    const [row] = await this.#database.sql`
      select (select sum(version) from rouse.actor) as versions, (select count(*) from rouse.journal) as entries`;
    if (row?.["versions"] !== row?.["entries"]) throw new Error("versions and journal differ");
    return Number(row?.["versions"]);
  }
}
