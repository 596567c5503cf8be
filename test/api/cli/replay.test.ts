import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ReplayReport } from "../../../api/cli/replay/run.ts";
import { createStage, type Outcome, type Stage } from "./stage.ts";

let stage: Stage;
let folder = "";

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "rouse-replay-"));
  stage = await createStage();
  await rouse("thread", "create", "Review", "--id", "th-1", "-p", "bob");
  await rouse("thread", "post", "th-1", "one");
  await rouse("thread", "post", "th-1", "two");
  await stage.world.settle();
});

afterEach(async () => {
  process.exitCode = undefined;
  await stage.close();
  rmSync(folder, { recursive: true, force: true });
});

const rouse = (...args: string[]): Promise<Outcome> => stage.rouse(args);
const json = async (...args: string[]) => JSON.parse((await rouse(...args, "--json")).out) as ReplayReport;

function changedThread(name: string, change: string): string {
  const file = join(folder, `${name}.ts`);
  const chart = new URL("../../../machines/thread/machine.ts", import.meta.url).href;
  writeFileSync(file, `import { threadMachine } from ${JSON.stringify(chart)};\nexport default ${change};\n`);
  return file;
}

test("a history comes out as it was recorded", async () => {
  for (const actor of ["thread/th-1", "participant/th-1.bob"]) {
    const outcome = await rouse("replay", actor);
    expect(outcome.out).toContain("The history comes out as it was recorded.");
    expect(await json("replay", actor)).toMatchObject({
      actor,
      machine: null,
      faithful: true,
      unfaithful: [],
    });
  }
  expect(process.exitCode).toBeUndefined();
});

test("the same chart changes nothing; a changed one shows where it would have gone otherwise", async () => {
  const same = changedThread("same", "threadMachine");
  expect((await rouse("replay", "thread/th-1", "--machine", same)).out).toContain(
    "Nothing would have gone differently.",
  );
  await rouse("thread", "resolve", "th-1", "--reason", "done");
  const strict = changedThread("strict", "threadMachine.provide({ guards: { isMember: () => false } })");
  const report = await json("replay", "thread/th-1", "--machine", strict);
  expect(report).toMatchObject({ faithful: true, differences: 1, machine: strict });
  const different = report.events.filter(({ differs }) => differs.length > 0);
  expect(different).toMatchObject([
    {
      event: { type: "resolve.requested" },
      recorded: { fate: "applied", states: ["thread.status.resolved", "thread.progress.moving"] },
      changed: {
        fate: "applied",
        states: ["thread.status.active", "thread.progress.moving"],
        transitions: [],
        mail: [],
      },
      differs: expect.arrayContaining(["states", "transitions", "records"]) as string[],
    },
  ]);
  const table = (await rouse("replay", "thread/th-1", "--machine", strict)).out;
  expect(table).toContain("1 event would have gone differently");
  expect(table).toMatch(/resolve\.requested +states +thread\.status\.resolved.*thread\.status\.active/u);
});

test("a history that a chart cannot have had is told, with exit code 1", async () => {
  const honest = stage.world.store.listJournal.bind(stage.world.store);
  stage.world.store.listJournal = async (query) =>
    (await honest(query)).map((entry) => (entry.seq === 2 ? { ...entry, states: ["thread.closed"] } : entry));
  const outcome = await rouse("replay", "thread/th-1");
  expect(outcome.out).toContain("does not come out as it was recorded: entry 2 in states");
  expect(process.exitCode).toBe(1);
});

test("bad input is told from a history that differs", async () => {
  expect(await rouse("replay", "thread/th-9")).toMatchObject({ code: 4 });
  expect(await rouse("replay", "thread/th-1", "--machine", join(folder, "none.ts"))).toMatchObject({
    code: 2,
  });
});
