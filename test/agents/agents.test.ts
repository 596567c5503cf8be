import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Databases, prepareDatabases } from "../seams/databases.ts";
import { installAgent, InstallError } from "./install.ts";
import { playedKinds } from "./kinds/index.ts";
import { agentPackages } from "./packages.ts";
import { scenarios } from "./scenarios/index.ts";
import { runSuite } from "./suite.ts";
import { testTerminal } from "../e2e/test-terminal.ts";
import { tableOf } from "./table.ts";

/** A little of `npm run test:agents`, with the real programs. Opt-in until it has proven stable: ROUSE_TEST_AGENTS=1. */

const isWanted = process.env["ROUSE_TEST_AGENTS"] === "1";
const endsWithinMs = 300_000;
const chosen = ["wake-idle", "draft", "permission", "session-resumable", "node-killed-unrecorded"];

describe.runIf(isWanted)("the real agent programs", () => {
  let databases: Databases;
  beforeAll(async () => void (databases = await prepareDatabases(inject("postgresUrl"))));
  afterAll(() => databases.drop());

  test.for(playedKinds)(
    "$name: nothing lost, nothing doubled, nobody typed over",
    { timeout: endsWithinMs + 300_000 },
    async (kind, context) => {
      const program = await installAgent(agentPackages[kind.name], { onProgress: console.info }).catch(
        skipped,
      );
      if (program instanceof InstallError) {
        console.warn(`::: ${kind.name} is SKIPPED: ${program.message}. ${program.nextStep} :::`);
        return context.skip(program.message);
      }
      const results = await runSuite({
        ...{
          kinds: [{ kind, program }],
          backends: [testTerminal().terminal === "pty" ? "pty" : "tmux"],
          databases,
        },
        scenarios: scenarios.filter(({ name }) => chosen.includes(name)),
        onFailure: ({ scenario }, details) => console.error(`${scenario}\n${details}`),
        signal: AbortSignal.timeout(endsWithinMs),
      });
      console.info(tableOf(results));
      expect(results.filter(({ outcome }) => outcome === "fail")).toEqual([]);
      expect(results.some(({ outcome }) => outcome === "pass")).toBe(true);
    },
  );
});

test.runIf(!isWanted)("the real agent programs are left out", () => {
  console.warn(
    "::: the real agent programs are SKIPPED: set ROUSE_TEST_AGENTS=1, or run npm run test:agents :::",
  );
});

function skipped(error: unknown): InstallError {
  if (error instanceof InstallError) return error;
  throw error;
}
