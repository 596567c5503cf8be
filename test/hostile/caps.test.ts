import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../api/operations/list.ts";
import { roles } from "../../machines/roles.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { capsOf } from "./caps.ts";
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

  test(
    "every field with a cap takes what fits and refuses, by name, what is one over",
    { timeout: 60_000 },
    async () => {
      const caps = operations.flatMap(capsOf).filter(({ field }) => field !== "wait_s");
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
      expect(caps.length).toBeGreaterThan(100);
      expect(wrong).toEqual([]);
    },
  );

  test("one byte over 64 KiB is refused over MCP, too, however it is escaped", async () => {
    const post = operations.filter(({ name }) => name === "post_message");
    for (const operation of post) {
      expect(await call(operation, "mcp", { body: "\u0001".repeat(65_536) })).toMatchObject({ type: "done" });
      for (const body of ["x".repeat(65_537), "\u00e9".repeat(32_769), `${"x".repeat(65_533)}🦉`]) {
        expect(await call(operation, "mcp", { body })).toMatchObject({ problem: { code: "body_too_large" } });
      }
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
