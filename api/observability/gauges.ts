import type { Gauge } from "@prometheus-io/client";
import { threadStatuses } from "../../machines/participant/contract.ts";
import { inSeconds, type MetricMaker } from "./metric.ts";

/** What stands in the tables at one moment, as persistence reads it. Ages in ms, null where there is nothing to be old. */
export interface TableFigures {
  readyMail: { count: number; ageMs: number | null };
  quarantined: number;
  pendingEffects: { count: number; ageMs: number | null };
  runningEffects: number;
  deadLetters: { count: number; ageMs: number | null };
  timers: { count: number; overdueMs: number | null };
  threads: Readonly<Record<string, number>>;
  nodes: { live: number; silent: number };
  transactions: { oldestMs: number | null; oldestIdleMs: number | null; xminAge: number | null };
}

export interface PoolFigures {
  open: number;
  idle: number;
  waiting: number;
  max: number;
}

export interface GaugeSources {
  readTables: () => Promise<TableFigures>;
  isInjectionPaused: () => Promise<boolean>;
  pool: () => PoolFigures;
  onError: (error: unknown) => void;
}

/** Several scrapers, or an impatient one, cost the database no more than one. */
const freshMs = 5_000;

/** Sets the gauges. Never throws: when the database does not answer they keep their last values, and `rouse_database_up` is 0. */
export function gauges(maker: MetricMaker, sources: GaugeSources): () => Promise<void> {
  const up = maker.gauge("rouse_database_up", "1 when the database answered the latest scrape.");
  const paused = maker.gauge(
    "rouse_injection_paused",
    "1 while the workspace's red switch is on: nobody is typed to.",
  );
  const setTables = tableGauges(maker);
  const setPool = poolGauges(maker);
  let readAt = -Infinity;
  let reading: Promise<void> | null = null;
  const read = async (): Promise<void> => {
    try {
      const [figures, isPaused] = await Promise.all([sources.readTables(), sources.isInjectionPaused()]);
      setTables(figures);
      paused.set(isPaused ? 1 : 0);
      up.set(1);
    } catch (error) {
      up.set(0);
      sources.onError(error);
    }
    readAt = performance.now();
  };
  return async () => {
    setPool(sources.pool());
    if (performance.now() - readAt < freshMs) return;
    reading ??= read().finally(() => (reading = null));
    await reading;
  };
}

function tableGauges(maker: MetricMaker): (figures: TableFigures) => void {
  const counted = "Counted up to 10,000.";
  const queue = (name: string, what: string): { count: Gauge; age: Gauge } => ({
    count: maker.gauge(`rouse_${name}`, `${what} ${counted}`),
    age: maker.gauge(`rouse_${name}_age_seconds`, `Age of the oldest: ${what}`),
  });
  const mail = queue("ready_mail", "Mail that no turn has taken yet, without that of quarantined actors.");
  const pending = queue("pending_effects", "Outside work that may begin and that nobody has taken yet.");
  const letters = queue("open_dead_letters", "Dead letters that nobody has decided over.");
  const running = maker.gauge("rouse_running_effects", `Outside work under way, on all nodes. ${counted}`);
  const quarantined = maker.gauge("rouse_quarantined_actors", `Actors that were set aside. ${counted}`);
  const timers = maker.gauge("rouse_timers", `Armed timers. ${counted}`);
  const overdue = maker.gauge("rouse_timer_overdue_seconds", "How long the earliest armed timer is overdue.");
  const threads = maker.gauge("rouse_threads", "The newest 10,000 threads, by status.", ["status"]);
  const nodes = maker.gauge("rouse_nodes", "Nodes of the workspace: live, or silent and not yet forgotten.", [
    "state",
  ]);
  const oldest = maker.gauge(
    "rouse_database_transaction_age_seconds",
    "Age of the database's oldest transaction.",
  );
  const idle = maker.gauge(
    "rouse_database_idle_transaction_age_seconds",
    "Age of the oldest transaction whose client does nothing: it holds back vacuum.",
  );
  const xmin = maker.gauge(
    "rouse_database_xmin_age",
    "Transactions that the oldest snapshot holds back from vacuum.",
  );
  const setQueue = (
    { count, age }: ReturnType<typeof queue>,
    figures: { count: number; ageMs: number | null },
  ): void => {
    count.set(figures.count);
    age.set(inSeconds(figures.ageMs ?? 0));
  };
  return (figures) => {
    setQueue(mail, figures.readyMail);
    setQueue(pending, figures.pendingEffects);
    setQueue(letters, figures.deadLetters);
    running.set(figures.runningEffects);
    quarantined.set(figures.quarantined);
    timers.set(figures.timers.count);
    overdue.set(inSeconds(figures.timers.overdueMs ?? 0));
    for (const status of threadStatuses) threads.set({ status }, figures.threads[status] ?? 0);
    nodes.set({ state: "live" }, figures.nodes.live);
    nodes.set({ state: "silent" }, figures.nodes.silent);
    oldest.set(inSeconds(figures.transactions.oldestMs ?? 0));
    idle.set(inSeconds(figures.transactions.oldestIdleMs ?? 0));
    xmin.set(figures.transactions.xminAge ?? 0);
  };
}

function poolGauges(maker: MetricMaker): (figures: PoolFigures) => void {
  const connections = maker.gauge("rouse_database_connections", "This node's connections to the database.", [
    "state",
  ]);
  const max = maker.gauge("rouse_database_connections_max", "Connections that this node may open.");
  const waiting = maker.gauge("rouse_database_waiting", "Calls that wait for a connection.");
  return ({ open, idle, waiting: queued, max: most }) => {
    connections.set({ state: "busy" }, open - idle);
    connections.set({ state: "idle" }, idle);
    max.set(most);
    waiting.set(queued);
  };
}
