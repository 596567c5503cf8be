import type { ContenderFigures } from "./rivals.ts";

/** The figures of one run, and how they read as a table. */

export type PartFigures = Record<string, unknown>;

/** Ours ÷ theirs; null when it was not measured. */
export interface Headline {
  turns_vs_pgbench_c8: number | null;
  kernel_vs_resident_send: number | null;
  vs_pg_boss: number | null;
  vs_graphile_worker: number | null;
  vs_dbos: number | null;
  vs_restate: number | null;
  latency_vs_pg_boss: number | null;
  latency_vs_graphile_worker: number | null;
  latency_vs_dbos: number | null;
  latency_vs_restate: number | null;
  turn_cost_1e6_vs_1e2: number | null;
  dormant_100k: { cpu_share: number | null; rss_mb: number | null };
}

export interface Machine {
  cores: number;
  processor: string;
  node: string;
  postgres: string;
  fsync: string;
  synchronous_commit: string;
  server: "embedded" | "DATABASE_URL";
}

export interface EngineReport extends Headline {
  details: {
    command: string;
    /** ISO 8601. */
    date: string;
    duration_s: number;
    machine: Machine;
    /** By the names of `--only`. */
    parts: Record<string, PartFigures>;
  };
}

interface Row {
  what: string;
  value: number | null;
  goal: string;
}

function rowsOf(report: EngineReport): Row[] {
  const ahead = "more than 1";
  const quicker = "less than 1";
  return [
    {
      what: "Durable turns per second ÷ pgbench single-row updates per second, 8 clients",
      value: report.turns_vs_pgbench_c8,
      goal: "at least 1.0, aim 1.5",
    },
    {
      what: "Kernel step, persisted JSON included ÷ `send` of a resident XState actor",
      value: report.kernel_vs_resident_send,
      goal: "at most 1.5",
    },
    { what: "Events per second ÷ pg-boss", value: report.vs_pg_boss, goal: ahead },
    { what: "Events per second ÷ graphile-worker", value: report.vs_graphile_worker, goal: ahead },
    { what: "Events per second ÷ DBOS", value: report.vs_dbos, goal: ahead },
    { what: "Events per second ÷ Restate with its XState binding", value: report.vs_restate, goal: ahead },
    {
      what: "Median latency of one event, as mail ÷ pg-boss",
      value: report.latency_vs_pg_boss,
      goal: quicker,
    },
    {
      what: "Median latency of one event, as mail ÷ graphile-worker",
      value: report.latency_vs_graphile_worker,
      goal: quicker,
    },
    {
      what: "Median latency of one event, as a command ÷ DBOS",
      value: report.latency_vs_dbos,
      goal: quicker,
    },
    {
      what: "Median latency of one event, as a command ÷ Restate with its XState binding",
      value: report.latency_vs_restate,
      goal: quicker,
    },
    {
      what: "Cost of a turn with 10⁶ actors at rest ÷ with 10²",
      value: report.turn_cost_1e6_vs_1e2,
      goal: "at most 1.3",
    },
    {
      what: "100,000 dormant participants: share of one core",
      value: report.dormant_100k.cpu_share,
      goal: "less than 0.01",
    },
    {
      what: "100,000 dormant participants: memory, MB",
      value: report.dormant_100k.rss_mb,
      goal: "less than 64",
    },
  ];
}

/** Markdown, which reads well in a terminal, too. */
export function tableOf(report: EngineReport): string {
  const headline = markdown(
    ["Figure", "Measured", "Goal"],
    rowsOf(report).map(({ what, value, goal }) => [
      what,
      value === null ? "not measured" : String(value),
      goal,
    ]),
  );
  return [headline, contendersOf(report), othersOf(report)].filter((table) => table !== null).join("\n\n");
}

/** The figures of the other parts, each under its name in the raw figures. */
function othersOf({ details }: EngineReport): string | null {
  const { rivals: _, ...others } = details.parts;
  const rows = Object.entries(others).flatMap(([part, figures]) =>
    flat(figures).map(([name, value]) => [part, `\`${name}\``, value]),
  );
  return rows.length === 0 ? null : markdown(["Part", "Figure", "Value"], rows);
}

function flat(figures: object, prefix = ""): [string, string][] {
  return Object.entries(figures).flatMap(([name, value]: [string, unknown]) => {
    const isList = Array.isArray(value) && value.every((each) => typeof each !== "object");
    if (isList) return [[`${prefix}${name}`, value.join(", ")]];
    if (typeof value === "object" && value !== null) return flat(value, `${prefix}${name}.`);
    return [[`${prefix}${name}`, String(value)]];
  });
}

export interface NamedContender extends ContenderFigures {
  name: string;
}

const titles: Record<string, string> = {
  rouse: "Rouse",
  "pg-boss": "pg-boss",
  "graphile-worker": "graphile-worker",
  dbos: "DBOS",
  restate: "Restate",
};

/** Those that were measured. */
export function measuredContenders({ details }: EngineReport): NamedContender[] {
  const { contenders = {} } = (details.parts["rivals"] ?? {}) as {
    contenders?: Record<string, ContenderFigures | { missing: string }>;
  };
  return Object.entries(contenders).flatMap(([name, figures]) =>
    "missing" in figures ? [] : [{ name: titles[name] ?? name, ...figures }],
  );
}

function missingContenders({ details }: EngineReport): string[] {
  const { contenders = {} } = (details.parts["rivals"] ?? {}) as { contenders?: Record<string, object> };
  return Object.entries(contenders).flatMap(([name, figures]) =>
    "missing" in figures ? [`${titles[name] ?? name} could not be measured: ${String(figures.missing)}`] : [],
  );
}

/** DBOS and Restate are called and answer; the like of it with us is a command. */
function commandLine(report: EngineReport): string[] {
  const latency = measuredContenders(report).find(({ name }) => name === titles["rouse"])?.command_latency_ms;
  if (latency === undefined) return [];
  return [
    `An event brought to Rouse as a command, applied in the caller's own transaction instead of by mail: p50 ${latency.p50} ms, p95 ${latency.p95} ms, p99 ${latency.p99} ms.`,
  ];
}

function contendersOf(report: EngineReport): string | null {
  if (report.details.parts["rivals"] === undefined) return null;
  const head = ["Contender", "Version", "Events/s", "Rounds", "p50 ms", "p95 ms", "p99 ms", "Node µs/event"];
  const rows = measuredContenders(report).map((each) => [
    each.name,
    each.version,
    String(each.events_per_s),
    `${Math.min(...each.rounds_events_per_s)}–${Math.max(...each.rounds_events_per_s)}`,
    ...[each.latency_ms.p50, each.latency_ms.p95, each.latency_ms.p99].map(String),
    String(each.node_us_per_event),
  ]);
  return [markdown(head, rows), ...commandLine(report), ...missingContenders(report)].join("\n\n");
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
