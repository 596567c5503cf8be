import { cpus, type CpuInfo } from "node:os";
import { parseArgs } from "node:util";
import { connect } from "../../persistence/postgres/connect.ts";
import { openBenchServer } from "./engine/bench-database.ts";
import { readReport, writeDocs } from "./engine/docs.ts";
import { measureAtRest } from "./engine/at-rest.ts";
import { measureDormant } from "./engine/dormant.ts";
import { measureKernel } from "./engine/kernel.ts";
import { measureLatency } from "./engine/latency.ts";
import { measureNodes } from "./engine/nodes.ts";
import { measureObserved } from "./engine/observed.ts";
import type { EngineReport, Headline, Machine, PartFigures } from "./engine/report.ts";
import { tableOf } from "./engine/report.ts";
import { measureRivals } from "./engine/rivals.ts";
import { measureTurns } from "./engine/turns.ts";

/**
 * `npm run bench -- engine [--only NAME,…] [--json] [--rounds N] [--quick] [--write-docs | --render]`.
 * All parts against one server, one after the other; each interleaves its own rounds. `--render` measures nothing and
 * writes the document anew from the figures it holds.
 */

interface PartOptions {
  url: string;
  /** Given by the caller, else each part's own. */
  rounds: number | undefined;
  quick: boolean;
  say: (text: string) => void;
}

type Measure = (options: PartOptions) => Promise<PartFigures>;

/** In this order; the names are those of `--only`. */
const parts: Record<string, Measure> = {
  kernel: async ({ rounds, quick }) => ({ ...(await measureKernel({ rounds: rounds ?? (quick ? 5 : 25) })) }),
  turns: async ({ url, rounds, quick }) => ({
    ...(await measureTurns({
      url,
      rounds: rounds ?? (quick ? 1 : 5),
      ...(quick ? { seconds: 2, actors: 1_000 } : {}),
    })),
  }),
  rivals: async ({ url, rounds, quick, say }) => ({
    ...(await measureRivals({
      url,
      say,
      rounds: rounds ?? (quick ? 2 : 7),
      ...(quick ? { seconds: 1, samples: 20, actors: 1_000 } : {}),
    })),
  }),
  "at-rest": async ({ url, rounds }) => ({
    ...(await measureAtRest({ url, ...(rounds === undefined ? {} : { rounds }) })),
  }),
  dormant: async ({ url, quick }) => ({ ...(await measureDormant({ url, seconds: quick ? 5 : 20 })) }),
  latency: async ({ url, quick }) => ({ ...(await measureLatency({ url, seconds: quick ? 3 : 10 })) }),
  observed: async ({ url, rounds }) => ({
    ...(await measureObserved({ url, ...(rounds === undefined ? {} : { rounds }) })),
  }),
  nodes: async ({ url, rounds, quick }) => ({
    ...(await measureNodes({ url, rounds: rounds ?? (quick ? 1 : 3) })),
  }),
};
/** What `--quick` measures unless told. */
const quickParts = ["kernel", "turns", "rivals"];

export async function benchEngine(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: "string" },
      json: { type: "boolean", default: false },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      "write-docs": { type: "boolean", default: false },
      render: { type: "boolean", default: false },
    },
  });
  const report = values.render
    ? readReport()
    : await measure({
        command: ["npm run bench -- engine", ...args].join(" "),
        only: values.only === undefined && values.quick ? quickParts : chosen(values.only),
        rounds: values.rounds === undefined ? undefined : Number(values.rounds),
        quick: values.quick,
      });
  if (values.json) console.log(JSON.stringify(report));
  else console.log(tableOf(report));
  if (values["write-docs"] || values.render) writeDocs(report);
}

function chosen(only: string | undefined): string[] {
  const names = Object.keys(parts);
  if (only === undefined) return names;
  const asked = only.split(",");
  const unknown = asked.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`no part is named ${unknown.join(", ")}; there are ${names.join(", ")}`);
  return names.filter((name) => asked.includes(name));
}

interface Run {
  command: string;
  only: readonly string[];
  rounds: number | undefined;
  quick: boolean;
}

async function measure({ command, only, rounds, quick }: Run): Promise<EngineReport> {
  const startedAt = performance.now();
  const say = (text: string): void => {
    process.stderr.write(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}\n`);
  };
  say("starting the database");
  const server = await openBenchServer();
  const figures: Record<string, PartFigures> = {};
  try {
    const machine = await machineOf(server.url);
    for (const part of only) {
      say(`${part}: measuring`);
      figures[part] = (await parts[part]?.({ url: server.url, rounds, quick, say })) ?? {};
    }
    const durationS = Math.round((performance.now() - startedAt) / 1_000);
    const date = new Date().toISOString();
    return {
      ...headlineOf(figures),
      details: { command, date, duration_s: durationS, machine, parts: figures },
    };
  } finally {
    await server.remove();
  }
}

/** What was not measured is null. */
function headlineOf(figures: Record<string, PartFigures>): Headline {
  const of = (part: string, key: string): number | null => {
    const value = figures[part]?.[key];
    return typeof value === "number" ? value : null;
  };
  return {
    turns_vs_pgbench_c8: of("turns", "turns_vs_pgbench_c8"),
    kernel_vs_resident_send: of("kernel", "kernel_vs_resident_send"),
    vs_pg_boss: of("rivals", "vs_pg_boss"),
    vs_graphile_worker: of("rivals", "vs_graphile_worker"),
    vs_dbos: of("rivals", "vs_dbos"),
    vs_restate: of("rivals", "vs_restate"),
    latency_vs_pg_boss: of("rivals", "latency_vs_pg_boss"),
    latency_vs_graphile_worker: of("rivals", "latency_vs_graphile_worker"),
    latency_vs_dbos: of("rivals", "latency_vs_dbos"),
    latency_vs_restate: of("rivals", "latency_vs_restate"),
    turn_cost_1e6_vs_1e2: of("at-rest", "turn_cost_1e6_vs_1e2"),
    dormant_100k: { cpu_share: of("dormant", "cpu_share"), rss_mb: of("dormant", "rss_mb") },
  };
}

async function machineOf(url: string): Promise<Machine> {
  const database = connect({ url, max: 1 });
  try {
    const [row] = await database.sql`
      select current_setting('server_version') as version, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as synchronous_commit`;
    const processors: CpuInfo[] = cpus();
    return {
      cores: processors.length,
      processor: processors[0]?.model ?? "unknown",
      node: process.version,
      postgres: String(row?.["version"]),
      fsync: String(row?.["fsync"]),
      synchronous_commit: String(row?.["synchronous_commit"]),
      server: (process.env["DATABASE_URL"] ?? "") === "" ? "embedded" : "DATABASE_URL",
    };
  } finally {
    await database.close();
  }
}
