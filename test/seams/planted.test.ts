import { afterEach, beforeEach, expect, inject, test } from "vitest";
import { testTerminal } from "../e2e/test-terminal.ts";
import { findProblems } from "./checks.ts";
import { type Databases, prepareDatabases } from "./databases.ts";
import { readHistory } from "./history.ts";
import type { PlantedFault } from "./planted.ts";
import { playRound } from "./round.ts";
import { Stage, worker } from "./stage.ts";

/** The checks find what is broken on purpose in a node that really dies. */

const timeout = 60_000;

let databases: Databases;
let stage: Stage | null = null;

beforeEach(async () => {
  databases = await prepareDatabases(inject("postgresUrl"));
});

afterEach(async () => {
  await stage?.close();
  await databases.drop();
});

async function openStage(planted: PlantedFault): Promise<Stage> {
  stage = await Stage.open({ databases, planted, ...testTerminal() });
  return stage;
}

test("a node that answers before it commits is found out", { timeout }, async () => {
  const broken = await openStage("acknowledgesEarly");
  await broken.call("create_thread", { thread_id: "early", title: "Early", participants: [worker] });
  const input = { thread_id: "early", body: "Do this.", to: [worker] };
  const { seq } = await broken.call("post_message", input, { key: "early" });
  await broken.node.arm({ seam: "effects.claiming", passing: 1 }, null);
  await broken.until(
    async () => (broken.node.deaths.length === 1 ? null : "no death"),
    AbortSignal.timeout(30_000),
  );
  const problems = findProblems(await readHistory(broken), "early", [{ key: "early", input, seq }]);
  expect(problems).toContain("post: #1 was acknowledged, found at no place");
});

test("a node that types without having marked the start is found out", { timeout }, async () => {
  const broken = await openStage("forgetsStart");
  const trip = { seam: "typing.entered", passing: 1 } as const;
  const { problems } = await playRound(broken, { threadId: "unmarked", trip, nextTrip: null });
  expect(problems.join("\n")).toMatch(/^line: \S+ was given [12] times, brought 0 times$/m);
});
