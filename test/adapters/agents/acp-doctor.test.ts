import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Finding } from "../../../adapters/agents/host.ts";
import { agentKinds } from "../../../adapters/agents/registry.ts";

/** The agent is a test double. */
const fake = join(import.meta.dirname, "../../fixtures/fake-acp-agent.ts");
const host = { environment: process.env, home: "/" };

async function findings(definition: object | null): Promise<Record<string, Finding>> {
  const checks = agentKinds["acp"]?.checks?.(definition) ?? [];
  const found = checks.map(
    async ({ code, look }) => [code, await look(host, AbortSignal.timeout(60_000))] as const,
  );
  return Object.fromEntries(await Promise.all(found));
}

const agent = (start: string, more: object = {}) => ({
  ...{ command: [process.execPath, "--no-warnings", fake], cwd: "/" },
  env: { FAKE_START: start, FAKE_LOG: "/dev/null" },
  ...more,
});

describe("what doctor asks of an ACP agent", { timeout: 90_000 }, () => {
  test.for([
    ["", {}, { status: "ok" }],
    ["noLoad", {}, { status: "warn", text: expect.stringContaining("cannot bring sessions back") as string }],
    ["v2", {}, { status: "fail", text: expect.stringContaining("version 2 of the protocol") as string }],
    ["noHttp", {}, { status: "fail", text: expect.stringContaining("over HTTP") as string }],
    ["", { authMethod: "other" }, { status: "fail", nextStep: "Name one of: fake-key." }],
    [
      "",
      { command: ["true"] },
      { status: "fail", text: expect.stringContaining("the agent ended") as string },
    ],
  ] as const)("is its protocol (%s %o)", async ([start, more, expected]) => {
    const { program, protocol } = await findings(agent(start, more));
    expect(program).toMatchObject({ status: "ok" });
    expect(protocol).toMatchObject(expected);
  });

  test("needs a definition, and one that the kind understands", async () => {
    expect(await findings(null)).toMatchObject({
      program: { status: "warn", nextStep: expect.stringContaining("--definition") as string },
    });
    await expect(findings({ cwd: "/" })).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("tells a program that is not there", async () => {
    expect(await findings(agent("", { command: ["no-such-agent"] }))).toMatchObject({
      program: { status: "fail" },
    });
  });
});
