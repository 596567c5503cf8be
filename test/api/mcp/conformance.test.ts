import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { closeServer, listen } from "../../../api/http/listen.ts";
import { buildServer } from "../../../api/http/server.ts";
import type { McpEndpoint } from "../../../api/mcp/endpoint.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { createWorld, type World } from "../world.ts";
import { createFixtureEndpoint, createSessionEndpoint } from "./conformance/fixture-endpoint.ts";
import { conformanceReport, type Report } from "./conformance/report.ts";
import { listScenarios, revisions, runSuite, suiteVersion, type Revision } from "./conformance/suite.ts";
import { createTokenProxy } from "./conformance/token-proxy.ts";
import { judgeFixture, judgeServer, type Verdict } from "./conformance/verdict.ts";

describe("the official MCP conformance suite", () => {
  const [, postgres] = storeFixtures();
  let world: World;
  let report: Report;

  beforeAll(async () => {
    const clock = new ManualClock();
    world = await createWorld(clock, await postgres?.open(clock));
    const parts = await Promise.all(revisions.map(runBothWays));
    report = {
      suite: await suiteVersion(),
      fixture: parts.flatMap(({ fixture }) => fixture),
      server: parts.flatMap(({ server }) => server),
      unscored: parts.flatMap(({ unscored }) => unscored),
    };
  }, 120_000);
  afterAll(() => postgres?.close());

  async function runAgainst(mcp: McpEndpoint | null, revision: Revision) {
    const server = buildServer({
      workspaces: [world.workspace],
      version: "0.0.0",
      onError: () => {},
      ...(mcp === null ? {} : { mcp }),
    });
    const url = await listen(server, { bind: "127.0.0.1", port: 0 });
    const bearer = { agentId: "ann", role: "operator", sessionId: "s", lifetimeMs: 3_600_000 } as const;
    const proxy = await createTokenProxy(url, (await world.workspace.tokens.issue(bearer)).token);
    try {
      return await runSuite(`${proxy.url}/mcp`, revision);
    } finally {
      await proxy.close();
      await closeServer(server, 1_000);
    }
  }

  async function runBothWays(revision: Revision) {
    const { required, unscored } = await listScenarios(revision);
    const runs = await runAgainst(createFixtureEndpoint(), revision);
    const sessions = revision === "2025-11-25" ? await runAgainst(createSessionEndpoint(), revision) : null;
    const ownRuns = await runAgainst(null, revision);
    const everything = [...unscored.keys()];
    return {
      fixture: judgeFixture({ revision, required, runs }, sessions),
      server: judgeServer({ revision, required, runs: ownRuns }),
      unscored: judgeFixture({ revision, required: everything, runs }, null).map(({ scenario, result }) => ({
        scenario,
        revision,
        reason: unscored.get(scenario) ?? "",
        passes: result === "pass",
      })),
    };
  }

  const failed = (verdicts: readonly Verdict[]) => verdicts.filter(({ result }) => result === "fail");

  test("our wiring passes every required scenario of both eras", () => {
    expect(report.fixture).toHaveLength(30 + 37);
    expect(report.fixture.filter(({ result }) => result !== "pass")).toEqual([]);
  });

  test("our server passes what applies to it, and what does not is named with its reason", () => {
    expect(failed(report.server)).toEqual([]);
    const passed = report.server.filter(({ result }) => result === "pass").map(({ scenario }) => scenario);
    expect(passed).toEqual(
      expect.arrayContaining([
        "server-initialize",
        "ping",
        "tools-list",
        "resources-list",
        "server-stateless",
      ]),
    );
  });

  test("docs/mcp-conformance.md is what the suite says", async () => {
    const file = fileURLToPath(new URL("../../../docs/mcp-conformance.md", import.meta.url));
    await expect(conformanceReport(report)).toMatchFileSnapshot(file);
  });
});
