import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tableOf, type EngineReport } from "./report.ts";
import { plotOf } from "./plot.ts";
import { readPage, replaceSection, writePage } from "../page.ts";

/** The benchmark document: the part between the marks, the plot and the raw figures come from one run. */

const folder = fileURLToPath(new URL("../../../docs/benchmarks/", import.meta.url));
/** Raw figures of the run that the page shows. */
export const reportFile = `${folder}engine.json`;

export function readReport(): EngineReport {
  return JSON.parse(readFileSync(reportFile, "utf8")) as EngineReport;
}

export function writeDocs(report: EngineReport): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(reportFile, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${folder}engine.svg`, plotOf(report));
  writePage(withSection(readPage(), report));
}

/** The page with the section of this report in place of the one it has. */
export function withSection(text: string, report: EngineReport): string {
  return replaceSection(text, "engine", sectionOf(report));
}

function sectionOf(report: EngineReport): string {
  const { command, date, duration_s: seconds, machine } = report.details;
  const place = machine.server === "embedded" ? "embedded" : "given by `DATABASE_URL`";
  return [
    `\`${command}\`, ${date.slice(0, 10)}, ${seconds} s. ${machine.cores} cores (${machine.processor}), Node ${machine.node.slice(1)}, Postgres ${machine.postgres} (${place}, fsync ${machine.fsync}, synchronous_commit ${machine.synchronous_commit}). Raw figures: [engine.json](benchmarks/engine.json).`,
    tableOf(report),
    "![Events per second and latency of one event, Rouse beside pg-boss, graphile-worker, DBOS and Restate](benchmarks/engine.svg)",
  ].join("\n\n");
}
