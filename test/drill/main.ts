import { drills, titleOf } from "./drills.ts";
import { runDrill, type DrillResult } from "./run.ts";

/** `npm run drill [-- NAME…] [--json]` */

const args = process.argv.slice(2);
const isJson = args.includes("--json");
const wanted = args.filter((arg) => !arg.startsWith("-"));
const unknown = wanted.filter((name) =>
  drills.every((drill) => drill.name !== name && titleOf(drill) !== name),
);
if (unknown.length > 0) {
  process.stderr.write(`no drill ${unknown.join(", ")}: ${drills.map(titleOf).join(", ")}\n`);
  process.exit(2);
}

const results: DrillResult[] = [];
const chosen = drills.filter(
  (drill) => wanted.length === 0 || wanted.includes(drill.name) || wanted.includes(titleOf(drill)),
);
for (const drill of chosen) {
  const tell = (step: string): void => void process.stderr.write(`${titleOf(drill)}: ${step}\n`);
  const result = await runDrill(drill, tell);
  results.push(result);
  tell(result.ok ? "cured" : `FAILED: ${result.failure ?? ""}`);
}

if (isJson) process.stdout.write(`${JSON.stringify({ drills: results }, null, 2)}\n`);
else process.stdout.write(table(results));
process.exitCode = results.every(({ ok }) => ok) ? 0 : 1;

function table(rows: readonly DrillResult[]): string {
  const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
  const head = ["RUNBOOK", "RESULT", "BREAK", "LOOK", "CURE"];
  const lines = rows.map((row) => [
    ...[row.name, row.ok ? "cured" : "FAILED"],
    ...[row.broke_ms, row.looked_ms, row.cured_ms].map(seconds),
  ]);
  const widths = head.map((title, column) =>
    Math.max(title.length, ...lines.map((line) => (line[column] ?? "").length)),
  );
  const draw = (line: readonly string[]): string =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[head, ...lines].map(draw).join("\n")}\n`;
}
