import { parseArgs } from "node:util";
import { faults } from "./faults.ts";
import { Rounds, type FaultFigures } from "./rounds.ts";
import { clocks, openScene } from "./scene.ts";

/**
 * `npm run test:nodes`: three nodes with agents in terminals, each behind a cable of its own to one Postgres, two of them
 * with clocks that are an hour off; faults strike one after the other. Ends with 1 when anything was lost or doubled.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    fault: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const chosen = faults.filter(({ name }) => values.fault === undefined || name.includes(values.fault));
if (chosen.length === 0) {
  console.error(`No such fault. There are: ${faults.map(({ name }) => name).join("; ")}.`);
  process.exit(2);
}

const scene = await openScene(clocks(say));
const found = new Map<string, FaultFigures>();
try {
  await scene.traffic.start();
  const rounds = new Rounds(scene);
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const fault of chosen) {
      const figures = await rounds.play(fault);
      found.set(fault.name, sum(found.get(fault.name), figures));
      const verdict = figures.problems.length === 0 ? "nothing wrong" : figures.problems.join("; ");
      say(`round ${round}: ${fault.name}: ${figures.acknowledged} posts, ${figures.wakes} wakes, ${verdict}`);
    }
  }
} finally {
  await scene.close();
}
const table = Object.fromEntries(found);
if (values.json) console.log(JSON.stringify(table));
else console.table(Object.fromEntries([...found].map(([name, each]) => [name, row(each)])));
process.exit([...found.values()].some(({ problems }) => problems.length > 0) ? 1 : 0);

function sum(before: FaultFigures | undefined, figures: FaultFigures): FaultFigures {
  if (before === undefined) return figures;
  return {
    rounds: before.rounds + 1,
    acknowledged: before.acknowledged + figures.acknowledged,
    wakes: before.wakes + figures.wakes,
    problems: [...before.problems, ...figures.problems],
  };
}

function row({ rounds, acknowledged, wakes, problems }: FaultFigures) {
  return { rounds, acknowledged, wakes, problems: problems.length };
}

function say(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
