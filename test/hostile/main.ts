import { parseArgs } from "node:util";
import { operations } from "../../api/operations/list.ts";
import { openBenchDatabase } from "../bench/engine/bench-database.ts";
import { fuzzOperations, type FuzzReport } from "./fuzz.ts";
import { promisedMatrix } from "./matrix.ts";
import { issueAll, openStage } from "./stage.ts";

/** `npm run hostile -- [--runs N] [--seed N] [--only NAME,…] [--json]`. Exit code 1 where a call was answered wrongly. */

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "500" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const only = values.only?.split(",");
const database = await openBenchDatabase();
const stage = await openStage(database.url);
const reports: FuzzReport[] = [];
try {
  await issueAll(stage.a, stage.b);
  const options = { matrix: promisedMatrix(), runs: Number(values.runs), seed: Number(values.seed) };
  const chosen = operations.filter(({ name }) => only === undefined || only.includes(name));
  for await (const report of fuzzOperations(stage, chosen, options)) {
    reports.push(report);
    console.error(`${report.operation}: ${report.calls} calls ${JSON.stringify(report.answers)}`);
    if (report.counterexample !== null) console.error(`WRONG: ${report.counterexample}\n`);
  }
} finally {
  await stage.close();
  await database.remove();
}
const wrong = reports.filter(({ counterexample }) => counterexample !== null);
const calls = reports.reduce((sum, report) => sum + report.calls, 0);
if (values.json) console.log(JSON.stringify({ seed: values.seed, calls, reports }));
else
  console.log(
    `${calls} calls of ${reports.length} operations, seed ${values.seed}: ${wrong.length} answered wrongly`,
  );
if (wrong.length > 0) process.exitCode = 1;
