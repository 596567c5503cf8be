import { parseArgs } from "node:util";
import { hunt, huntTable, type Hunt } from "./hunt.ts";
import { plantedBugs } from "./planted/list.ts";
import { failureReport, readMutes, summaryText, Tally } from "./report.ts";
import { run, type RunOptions } from "./run.ts";
import { shrink } from "./shrink.ts";

/**
 * `npm run sim -- --seeds N [--from S] [--json]`: many runs. `--seed X [--steps N] [--mute M] [--trace]`: one, in full.
 * `--planted [--markdown]`: hunts the planted bugs. Results on standard output, progress on standard error.
 */

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "500" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    steps: { type: "string" },
    mute: { type: "string", default: "" },
    bug: { type: "string" },
    trace: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    planted: { type: "boolean", default: false },
    markdown: { type: "boolean", default: false },
  },
});

if (values.planted) await huntAll();
else if (values.seed === undefined) await runMany();
else await runOne(Number(values.seed));

function optionsFor(seed: number): RunOptions {
  const bug = plantedBugs.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && bug === undefined)
    throw new Error(`no planted bug is called ${values.bug}`);
  return { seed, ...(bug === undefined ? {} : { planted: bug.plant }) };
}

async function runMany(): Promise<void> {
  const tally = new Tally();
  const from = Number(values.from);
  const reports: string[] = [];
  for (let seed = from; seed < from + Number(values.seeds); seed += 1) {
    const result = await run(optionsFor(seed));
    tally.add(result);
    if (result.violation !== null && reports.length < 1) {
      reports.push(failureReport(result, await shrink(result, optionsFor(seed))));
    }
    if ((seed - from) % 50 === 49) process.stderr.write(`${seed - from + 1} seeds\n`);
  }
  const summary = tally.summary();
  console.log(values.json ? JSON.stringify(summary) : [summaryText(summary), ...reports].join("\n\n"));
  if (summary.failed.length > 0) process.exitCode = 1;
}

async function runOne(seed: number): Promise<void> {
  const options: RunOptions = {
    ...optionsFor(seed),
    mutes: readMutes(values.mute),
    ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
    onLine: values.trace ? (line) => console.log(line) : null,
  };
  const result = await run(options);
  const planted = values.bug === undefined ? "" : ` --bug '${values.bug}'`;
  const isPlain = values.mute === "" && values.steps === undefined && !values.trace;
  if (result.violation === null)
    console.log(`seed ${seed} passes: ${result.steps} steps, trace ${result.traceHash}`);
  else console.log(failureReport(result, isPlain ? await shrink(result, optionsFor(seed)) : null) + planted);
  if (result.violation !== null) process.exitCode = 1;
}

async function huntAll(): Promise<void> {
  const hunts: Hunt[] = [];
  for (const bug of plantedBugs) {
    const found = await hunt(bug, Number(values.seeds));
    hunts.push(found);
    const others = found.others.length === 0 ? "" : `, after violations of ${found.others.join(", ")}`;
    process.stderr.write(`${bug.invariant} ${bug.name}: ${found.seeds ?? "not found"}${others}\n`);
  }
  if (values.markdown) console.log(huntTable(hunts));
  else if (values.json)
    console.log(JSON.stringify(hunts.map(({ bug, seeds }) => ({ ...bug, plant: undefined, seeds }))));
  else
    for (const { bug, seeds } of hunts) console.log(`${bug.invariant} ${bug.name}: ${seeds ?? "not found"}`);
  if (hunts.some(({ seeds }) => seeds === null)) process.exitCode = 1;
}
