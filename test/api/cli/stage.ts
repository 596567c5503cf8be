import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCommandLine } from "../../../api/cli/run.ts";
import type { Surroundings } from "../../../api/cli/surroundings.ts";
import { closeServer } from "../../../api/http/listen.ts";
import type { NodeFile } from "../../../api/node-messages.ts";
import { serve, type Served } from "../http/client.ts";
import { createWorld, type World } from "../world.ts";

export interface Outcome {
  code: number;
  out: string;
  err: string;
}

export interface RunOptions {
  environment?: NodeJS.ProcessEnv;
  input?: string;
}

const program = fileURLToPath(new URL("../../../api/cli/main.ts", import.meta.url));

/** The command line as its own process. */
export function runProcess(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const environment = { PATH: process.env["PATH"], ...options.environment };
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      ["--no-warnings", program, ...args],
      { env: environment },
      (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code), out, err });
      },
    );
    child.stdin?.end(options.input ?? "");
  });
}

/** The command line in this process: quick, and time is the world's. */
export async function runHere(
  args: readonly string[],
  { environment = {}, input }: RunOptions,
  now: () => number,
): Promise<Outcome> {
  const outcome = { out: "", err: "" };
  const surroundings: Surroundings = {
    environment,
    out: (text) => (outcome.out += text),
    err: (text) => (outcome.err += text),
    isTerminal: false,
    columns: 0,
    now,
    readInput: async () => input ?? null,
  };
  const code = await runCommandLine(args, surroundings);
  return { code, ...outcome };
}

/** A home folder whose node.json names a real server on a world in memory. */
export interface Stage {
  world: World;
  served: Served;
  home: string;
  rouse: (args: readonly string[], options?: RunOptions) => Promise<Outcome>;
  close: () => Promise<void>;
}

export async function createStage(): Promise<Stage> {
  const world = await createWorld();
  const served = await serve(world);
  const home = await mkdtemp(join(tmpdir(), "rouse-cli-"));
  await writeNodeFile(home, { url: served.url, pid: process.pid });
  await writeFile(join(home, "operator.token"), `${await served.token("operator", "operator")}\n`);
  return {
    world,
    served,
    home,
    rouse: (args, { environment, ...more } = {}) =>
      runHere(args, { environment: { ROUSE_HOME: home, ...environment }, ...more }, () => world.clock.now()),
    async close() {
      await closeServer(served.server, 1_000);
      await rm(home, { recursive: true });
    },
  };
}

export async function writeNodeFile(home: string, given: Partial<NodeFile>): Promise<void> {
  const node: NodeFile = {
    url: "http://127.0.0.1:1",
    pid: process.pid,
    pidStartedAt: null,
    nodeId: "node-1",
    version: "0.0.0",
    workspace: "w",
    startedAt: 1_000_000,
    ...given,
  };
  await writeFile(join(home, "node.json"), JSON.stringify(node));
}
