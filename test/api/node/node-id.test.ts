import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { NodeMessage } from "../../../api/node-messages.ts";
import { joinOthers } from "../../../api/node/join.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";

const program = fileURLToPath(new URL("../../../api/main.ts", import.meta.url));
let testDatabase: TestDatabase;
let database: Database;
let homes: string[] = [];
let children: ChildProcess[] = [];
let workspaces = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url, max: 1 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
beforeEach(() => void (workspaces += 1));
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await Promise.all(homes.map((home) => rm(home, { recursive: true, force: true, maxRetries: 5 })));
  homes = [];
  children = [];
});

type Ending = Exclude<NodeMessage, { type: "progress" }>;

/** A home of its own with the id that others have, too. */
async function prepareHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "rouse-id-"));
  homes.push(home);
  await writeFile(join(home, "node.id"), "node-one");
  return home;
}

function start(home: string): { child: ChildProcess; steps: string[]; answer: Promise<Ending> } {
  const child = fork(program, ["serve"], {
    execArgv: ["--no-warnings"],
    env: {
      PATH: process.env["PATH"],
      DATABASE_URL: testDatabase.url,
      ROUSE_HOME: home,
      ROUSE_PORT: "0",
      ROUSE_HOST: "here",
      ROUSE_WORKSPACE: `w${workspaces}`,
    },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  children.push(child);
  const steps: string[] = [];
  const answer = new Promise<Ending>((resolve) => {
    child.on("message", (message: NodeMessage) => {
      if (message.type === "progress") steps.push(message.step);
      else resolve(message);
    });
  });
  return { child, steps, answer };
}

const nodes = () =>
  database.sql`select node_id, instance from rouse.node where workspace_id = ${`w${workspaces}`}`;

test("of two processes with one node id the second is refused while the first lives, and takes over once it was killed", async () => {
  const [one, two] = [await prepareHome(), await prepareHome()];
  const first = start(one);
  expect(await first.answer).toMatchObject({ type: "ready", node: { nodeId: "node-one" } });
  const second = start(two);
  const refusal = await second.answer;
  expect(refusal).toMatchObject({ type: "failed", code: "node_id_taken" });
  expect(refusal).toMatchObject({ message: expect.stringContaining(`process ${first.child.pid}`) as string });
  const killed = once(first.child, "exit");
  first.child.kill("SIGKILL");
  await killed;
  const third = start(two);
  expect(await third.answer).toMatchObject({ type: "ready" });
  // At once, not after the time for which a silent node is waited for.
  expect(third.steps.filter((step) => step.includes("Waiting"))).toEqual([]);
  expect(await nodes()).toHaveLength(1);
}, 180_000);

test("a process whose id another one took ends by itself, and not well", async () => {
  const { child, answer } = start(await prepareHome());
  expect(await answer).toMatchObject({ type: "ready" });
  const ended = once(child, "exit");
  await database.sql`
    update rouse.node set instance = 'another', beat_at = beat_at + 60000
    where workspace_id = ${`w${workspaces}`}`;
  expect(await ended).toEqual([1, null]);
  expect(await nodes()).toMatchObject([{ instance: "another" }]);
}, 180_000);

const taken = (instance: string, silentMs: number) =>
  new RouseError("node_id_taken", "taken", { details: { instance, host: "far", process: null, silentMs } });

test("a holder that cannot be seen is waited for, and refused as soon as it is heard of", async () => {
  const answers = [taken("one", 100), taken("one", 600), taken("one", 40)];
  const steps: string[] = [];
  const join = async () => {
    throw answers.shift() ?? new Error("asked too often");
  };
  const joined = joinOthers({ join }, { onProgress: (step) => steps.push(step), nodeLostMs: 20_000 });
  await expect(joined).rejects.toMatchObject({ code: "node_id_taken", details: { silentMs: 40 } });
  expect(steps).toEqual([expect.stringContaining("Waiting up to 20 s")]);
});

test("a holder that stays silent is waited for until the id is free", async () => {
  const answers = [taken("one", 19_000), taken("one", 19_500)];
  const join = async () => {
    const refusal = answers.shift();
    if (refusal !== undefined) throw refusal;
  };
  await joinOthers({ join }, { onProgress: () => {}, nodeLostMs: 20_000 });
  expect(answers).toEqual([]);
});
