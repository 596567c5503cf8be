import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { getOperation, operations } from "../../api/operations/list.ts";
import { roles } from "../../machines/roles.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { capsOf, type Cap } from "./caps.ts";
import { generousBody, generousField, plant } from "./planted.ts";
import { seed, type KnownValues } from "./seed.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";
import { inputOf, probesOf } from "./tenants.ts";
import { mcpCall, mcpVerdict, restCall, restVerdict, type Surface, type Verdict } from "./surfaces.ts";

describe("caps and claims", () => {
  let database: TestDatabase;
  let stage: HostileStage;
  let known: KnownValues;
  beforeAll(async () => {
    database = await createTestDatabase();
    stage = await openStage(database.url);
    await issueAll(stage.a);
    known = await seed(stage.a, "a");
  });
  afterAll(async () => {
    await stage.close();
    await database.drop();
  });

  type Operation = (typeof operations)[number];
  const call = async (operation: Operation, surface: Surface, changes: object): Promise<Verdict> => {
    const [bare] = probesOf(operation);
    if (bare === undefined) throw new Error(`${operation.name} has no probe`);
    const fields = { ...inputOf(bare, known), ...changes };
    const role = operation.roles.includes("operator") ? "operator" : (operation.roles[0] ?? "operator");
    const input = { kind: "near" as const, json: JSON.stringify(fields), fields };
    const attempt = { operation, input, envelope: "plain" as const, token: await stage.a.token(role) };
    return surface === "rest"
      ? restVerdict(await stage.client.send(restCall(attempt)))
      : mcpVerdict(await stage.client.send(mcpCall(attempt)));
  };
  const blames = (verdict: Verdict, field: string): boolean =>
    verdict.type === "refused" &&
    verdict.problem["code"] === "invalid_input" &&
    String(verdict.problem["message"]).includes(field);

  const allCaps = operations.flatMap(capsOf).filter(({ field }) => field !== "wait_s");

  /** Over each cap it must be refused by the field's name, at the cap taken. */
  async function wrongAtCaps(caps: readonly Cap[]): Promise<string[]> {
    const wrong: string[] = [];
    for (const [index, { operation, field, within, over }] of caps.entries()) {
      const surface = index % 2 === 0 ? "rest" : "mcp";
      const verdict = await call(operation, surface, { [field]: over });
      if (!blames(verdict, field))
        wrong.push(`over ${field} of ${operation.name}: ${JSON.stringify(verdict).slice(0, 300)}`);
      const bare = inputOf({ operation, fields: [] }, known);
      const issues = operation.input.safeParse({ ...bare, [field]: within }).error?.issues ?? [];
      // That it means nothing there is another matter.
      const fits = issues.every(({ path, code }) => path[0] !== field || code === "custom");
      if (!fits) wrong.push(`within ${field} of ${operation.name}`);
    }
    return wrong;
  }

  test(
    "every field with a cap takes what fits and refuses, by name, what is one over",
    { timeout: 90_000 },
    async () => {
      expect(allCaps.length).toBeGreaterThan(100);
      expect(await wrongAtCaps(allCaps)).toEqual([]);
    },
  );

  test("a field that takes one character more than it says is found", async () => {
    const caps = allCaps.filter(
      ({ operation, field }) => operation.name === "create_thread" && field === "title",
    );
    const remove = plant({ operation: "create_thread", changes: generousField("title", 200) });
    try {
      expect(await wrongAtCaps(caps)).toEqual([expect.stringMatching(/^over title of create_thread/)]);
    } finally {
      remove();
    }
  });

  /** 64 KiB are taken, however they are escaped, and one byte over is refused. */
  async function wrongAtBodies(): Promise<string[]> {
    const post = getOperation("post_message");
    if (post === null) throw new Error("there is no post_message");
    const wrong: string[] = [];
    const most = await call(post, "mcp", { body: "\u0001".repeat(65_536) });
    if (most.type !== "done") wrong.push(`65536 bytes: ${JSON.stringify(most).slice(0, 200)}`);
    for (const body of ["x".repeat(65_537), "\u00e9".repeat(32_769), `${"x".repeat(65_533)}🦉`]) {
      const verdict = await call(post, "mcp", { body });
      const isRefused = verdict.type === "refused" && verdict.problem["code"] === "body_too_large";
      if (!isRefused)
        wrong.push(`${Buffer.byteLength(body)} bytes: ${JSON.stringify(verdict).slice(0, 200)}`);
    }
    return wrong;
  }

  test("one byte over 64 KiB is refused over MCP, too, however it is escaped", async () => {
    expect(await wrongAtBodies()).toEqual([]);
  });

  test("a body that may have one byte more than it says is found", async () => {
    const remove = plant({ operation: "post_message", changes: generousBody(65_536) });
    try {
      expect(await wrongAtBodies()).toEqual([
        expect.stringMatching(/^65537 bytes: .*"done"/),
        expect.stringMatching(/^65537 bytes: .*"done"/),
      ]);
    } finally {
      remove();
    }
  });

  test(
    "a payload that claims another identity than its token is refused and audited, whatever is called",
    { timeout: 60_000 },
    async () => {
      const claims = { author: "somebody", caller_id: "somebody", role: "auditor", workspace_id: "tenant-b" };
      const wrong: string[] = [];
      let expected = await stage.state.refusals(stage.a.id);
      for (const [index, operation] of operations.entries()) {
        for (const [claim, value] of Object.entries(claims)) {
          // There it says whom the token is for.
          if (operation.name === "issue_token" && claim === "role") continue;
          const verdict = await call(operation, index % 2 === 0 ? "rest" : "mcp", { [claim]: value });
          expected += 1;
          const isRefused = verdict.type === "refused" && verdict.problem["code"] === "identity_mismatch";
          if (!isRefused)
            wrong.push(`${operation.name} with ${claim}: ${JSON.stringify(verdict).slice(0, 200)}`);
        }
      }
      expect(wrong).toEqual([]);
      expect(await stage.state.refusals(stage.a.id)).toBe(expected);
    },
  );

  test("a participant acts for itself alone, whomever it names", async () => {
    const token = await stage.a.token("participant");
    const send = async (path: string, body: object) =>
      restVerdict(
        await stage.client.send({
          ...{ method: "POST", path, body: JSON.stringify(body) },
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        }),
      );
    const others = [
      ["/v1/runtimes", { agent_id: "bob", mode: "attach" }],
      ["/v1/runtimes", { agent_id: "bob", mode: "launch" }],
      ["/v1/threads/th-a/participants/bob/override", { reason: "because" }],
      ["/v1/tokens", { agent_id: "ann", role: "operator" }],
    ] as const;
    for (const [path, body] of others)
      expect(await send(path, body)).toMatchObject({ problem: { code: "forbidden" } });
    expect(roles).toContain("participant");
  });
});
