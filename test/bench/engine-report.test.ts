import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { readReport, reportFile, withSection } from "./engine/docs.ts";
import { readPage } from "./page.ts";
import { plotOf } from "./engine/plot.ts";
import { tableOf, type EngineReport } from "./engine/report.ts";

const figures = {
  version: "1.2.3",
  events_per_s: 1_234,
  rounds_events_per_s: [1_000, 1_234, 1_300],
  latency_ms: { p50: 3.5, p95: 7, p99: 9.5 },
  node_us_per_event: 200,
};

const report: EngineReport = {
  turns_vs_pgbench_c8: 1.25,
  kernel_vs_resident_send: null,
  vs_pg_boss: 1.5,
  vs_graphile_worker: null,
  vs_dbos: null,
  vs_restate: null,
  latency_vs_pg_boss: 0.5,
  latency_vs_graphile_worker: null,
  latency_vs_dbos: null,
  latency_vs_restate: null,
  turn_cost_1e6_vs_1e2: null,
  dormant_100k: { cpu_share: 0.004, rss_mb: 40 },
  details: {
    command: "npm run bench -- engine",
    date: "2026-11-20T12:00:00.000Z",
    duration_s: 300,
    machine: {
      cores: 2,
      processor: "some processor",
      node: "v24.0.0",
      postgres: "18.4",
      fsync: "on",
      synchronous_commit: "on",
      server: "embedded",
    },
    parts: {
      latency: { insert_to_committed_ms: { "50/s": { p50: 4 } } },
      rivals: {
        contenders: {
          rouse: figures,
          "pg-boss": figures,
          restate: { missing: "npm ci failed: no <network>" },
        },
      },
    },
  },
};

test("a figure that was not measured is told so, never as a number", () => {
  const lines = tableOf(report).split("\n");
  expect(lines.find((line) => line.includes("÷ DBOS"))).toContain("not measured");
  expect(lines.find((line) => line.includes("pgbench"))).toContain("1.25");
});

test("a rival that could not be measured is named with the reason and left out of the plot", () => {
  expect(tableOf(report)).toContain("Restate could not be measured: npm ci failed");
  const plot = plotOf(report);
  expect(plot).toContain(">pg-boss<");
  expect(plot).not.toContain(">Restate<");
});

test("figures of a part without a table of its own are listed", () => {
  expect(tableOf(report)).toMatch(/latency +\| `insert_to_committed_ms\.50\/s\.p50` \| 4/u);
});

test("marks of the plot lie between its first and last tick", () => {
  const number = (text: string | undefined): number => Number(text);
  const grid = [...plotOf(report).matchAll(/class="grid" x1="(?<x>[\d.]+)"/gu)].map(({ groups }) =>
    number(groups?.["x"]),
  );
  const marks = [...plotOf(report).matchAll(/cx="(?<x>[\d.]+)"/gu)].map(({ groups }) =>
    number(groups?.["x"]),
  );
  expect(marks).toHaveLength(4);
  for (const x of marks) {
    expect(x).toBeGreaterThanOrEqual(Math.min(...grid));
    expect(x).toBeLessThanOrEqual(Math.max(...grid));
  }
});

test("writing the section twice leaves the rest of the page alone", () => {
  const once = withSection(readPage(), report);
  expect(withSection(once, report)).toBe(once);
  expect(once.split("## Engine")[0]).toBe(readPage().split("## Engine")[0]);
});

test.skipIf(!existsSync(reportFile))("the page shows the figures of the stored run", () => {
  expect(withSection(readPage(), readReport())).toBe(readPage());
});
