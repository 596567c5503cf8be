import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage.close());

const rouse = (...args: string[]) => stage.rouse(args);
const json = async (...args: string[]) =>
  JSON.parse((await rouse(...args, "--json")).out) as Record<string, unknown>;

describe("rouse tokens", () => {
  test("lists who got what, and a revocation with its reason", async () => {
    const { jti, token } = await json("tokens", "issue", "--agent", "bob", "--session", "s-1");
    await rouse("tokens", "issue", "--agent", "ann", "--refreshable");
    const all = (await rouse("tokens", "list")).out;
    expect(all).toMatch(new RegExp(`^${String(jti)} +bob +participant +s-1 +live`, "m"));
    expect(all).toMatch(/ann +participant +s-\w+ +live .*in 15m +until in 7d/);
    expect(all).not.toContain(String(token));
    await rouse("tokens", "revoke", String(jti), "--reason", "left in a log");
    expect((await rouse("tokens", "--agent", "bob")).out).toMatch(/revoked .*by operator: left in a log/);
    expect((await rouse("tokens", "list", "--state", "live", "--agent", "bob")).out).toBe("No tokens.\n");
  });

  test("revokes all of an agent or of a session, but never both by an id and an agent", async () => {
    await rouse("tokens", "issue", "--agent", "bob", "--session", "s-1");
    const of = ["--agent", "bob", "--session", "s-1", "--reason", "left"];
    expect((await rouse("tokens", "revoke", ...of)).out).toBe(
      "All tokens that bob got until now for session s-1 are revoked.\n",
    );
    expect((await rouse("tokens", "list", "--agent", "bob", "--state", "ended")).out).toContain("left");
    expect(await rouse("tokens", "revoke", "j-1", "--agent", "bob", "--reason", "x")).toMatchObject({
      code: 2,
    });
    expect(await rouse("tokens", "revoke", "--reason", "x")).toMatchObject({ code: 2 });
    expect(await rouse("tokens", "revoke", "j-1")).toMatchObject({ code: 2 });
  });

  test("what ends soon is told by status, too", async () => {
    await rouse("token", "issue", "--agent", "bob", "--ttl", "30m");
    expect((await rouse("tokens", "list", "--ending", "1h")).out).toMatch(/bob/);
    expect((await rouse("status")).out).toMatch(
      /^tokens +1 ending within the hour: see rouse tokens list --ending 1h$/m,
    );
  });
});

describe("rouse keys", () => {
  test("lists, rotates and retires", async () => {
    const [{ kid } = { kid: "" }] = (await json("keys"))["keys"] as { kid: string }[];
    await stage.world.clock.advance(1);
    const rotated = (await rouse("keys", "rotate", "--reason", "yearly")).out;
    expect(rotated).toMatch(/^Key \w+ signs from now on\.$/m);
    const table = (await rouse("keys", "list")).out;
    expect(table).toMatch(new RegExp(`^${kid} +verifying`, "m"));
    expect(table).toMatch(/^\w+ +signing/m);
    expect(table).toMatch(/^The signing key's private part stands in the database in plain text/m);
    expect(await rouse("keys", "retire", kid)).toMatchObject({ code: 2 });
    expect(await rouse("keys", "retire", "unknown", "--reason", "x")).toMatchObject({ code: 4 });
    // The stage's own token is one of the refused: its node would write a new one.
    expect((await rouse("keys", "retire", kid, "--reason", "leaked")).out).toMatch(
      /^Key \w+ is retired; key/,
    );
    expect(await rouse("keys")).toMatchObject({ code: 3 });
  });
});
