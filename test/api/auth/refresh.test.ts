import { beforeEach, describe, expect, test } from "vitest";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import type { TokenCaller } from "../../../api/operations/tokens.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe("refreshing a token", () => {
  let clock: ManualClock;
  let world: World;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock);
  });

  const pat = () => callerOf(world, "pat", "operator");
  const verify = (token: string) => world.workspace.tokens.verify(token);
  const first = async (more: object = {}) => {
    const input = { agent_id: "ann", role: "participant", session_id: "s-1", refreshable: true, ...more };
    return (await world.call("issue_token", pat(), input)) as Record<string, string>;
  };
  const refresh = async (token: string) =>
    (await world.call("refresh_token", await verify(token), {})) as Record<string, string>;
  const refused = (token: string, code: string) => expect(refresh(token)).rejects.toMatchObject({ code });

  test("a token that can be refreshed lives fifteen minutes, and its successor names the same caller", async () => {
    const { token = "", expires_at: end = "" } = await first();
    expect(Date.parse(end) - clock.now()).toBe(15 * minute);
    await clock.advance(10 * minute);
    const next = await refresh(token);
    expect(Date.parse(next["expires_at"] ?? "") - clock.now()).toBe(15 * minute);
    const { jti: oldJti, token: _old, ...before }: TokenCaller = await verify(token);
    const { jti, token: facts, ...after } = await verify(next["token"] ?? "");
    expect(after).toEqual(before);
    expect(jti).not.toBe(oldJti);
    expect(facts.rootJti).toBe(oldJti);
    await clock.advance(6 * minute);
    await expect(verify(token)).rejects.toMatchObject({ code: "token_expired" });
  });

  test("it goes on for seven days and no longer", async () => {
    let { token = "" } = await first();
    const end = clock.now() + 7 * day;
    while (clock.now() + 10 * minute < end) {
      await clock.advance(10 * minute);
      token = (await refresh(token))["token"] ?? "";
    }
    const { token: facts } = await verify(token);
    expect(facts.expiresAt).toBe(end);
    await clock.advance(end - clock.now());
    await refused(token, "token_expired");
  });

  test("only a token that was made for it can be refreshed", async () => {
    const { token = "" } = await first({ refreshable: false });
    await refused(token, "forbidden");
  });

  test("a successor is never stored, and shown once", async () => {
    const caller = await verify((await first())["token"] ?? "");
    const input = { idempotency_key: "k" };
    const next = await world.call("refresh_token", caller, input);
    expect(await world.call("refresh_token", caller, input)).toEqual({ ...next, token: null });
    expect(JSON.stringify([await world.audit(), await world.call("list_tokens", pat(), {})])).not.toContain(
      String(next["token"]),
    );
  });

  test("after a revocation it is refused at once, whatever this node remembers", async () => {
    const caller = await verify((await first())["token"] ?? "");
    await world.call("revoke_token", pat(), { jti: caller.jti, reason: "leaked" });
    await expect(world.call("refresh_token", caller, {})).rejects.toMatchObject({ code: "token_revoked" });
  });

  test.each(["the first", "the last"])("revoking %s token of a chain refuses all of it", async (which) => {
    const a = (await first())["token"] ?? "";
    const b = (await refresh(a))["token"] ?? "";
    const c = (await refresh(b))["token"] ?? "";
    const { jti } = await verify(which === "the first" ? a : c);
    await world.call("revoke_token", pat(), { jti, reason: "leaked" });
    await clock.advance(trustCacheMs);
    for (const token of [a, b, c])
      await expect(verify(token)).rejects.toMatchObject({ code: "token_revoked" });
  });

  test("revoking all of a session refuses what is refreshed from it even at the same moment", async () => {
    const caller = await verify((await first())["token"] ?? "");
    const [refreshed] = await Promise.all([
      world.call("refresh_token", caller, {}),
      world.call("revoke_tokens_of", pat(), { agent_id: "ann", session_id: "s-1", reason: "left" }),
    ]);
    await clock.advance(trustCacheMs);
    await expect(verify(String(refreshed["token"]))).rejects.toMatchObject({ code: "token_revoked" });
    const later = await first();
    expect(await verify(later["token"] ?? "")).toMatchObject({ agentId: "ann" });
  });

  test("revoking all of an agent spares others, and what it gets a millisecond later", async () => {
    const own = (await first())["token"] ?? "";
    const foreign = (await first({ agent_id: "bob" }))["token"] ?? "";
    await world.call("revoke_tokens_of", pat(), { agent_id: "ann", reason: "left" });
    await clock.advance(1);
    const later = (await first({ session_id: "s-2" }))["token"] ?? "";
    await clock.advance(trustCacheMs);
    await expect(verify(own)).rejects.toMatchObject({ code: "token_revoked" });
    expect(await verify(foreign)).toMatchObject({ agentId: "bob" });
    expect(await verify(later)).toMatchObject({ agentId: "ann" });
  });

  test("nobody revokes the token that they speak with", async () => {
    const input = { agent_id: "pat", role: "operator", session_id: "desk", refreshable: true };
    const { token } = await world.call("issue_token", pat(), input);
    const desk = await verify(String(token));
    const next = await verify(String((await world.call("refresh_token", desk, {}))["token"]));
    for (const jti of [desk.jti, next.jti]) {
      await expect(world.call("revoke_token", next, { jti, reason: "x" })).rejects.toMatchObject({
        code: "forbidden",
      });
    }
    for (const more of [{}, { session_id: "desk" }]) {
      const all = { agent_id: "pat", reason: "x", ...more };
      await expect(world.call("revoke_tokens_of", next, all)).rejects.toMatchObject({ code: "forbidden" });
    }
  });

  test("a token of a launched program ends with its runtime", async () => {
    const launched = { agent_id: "ann", mode: "attach", runtime_id: "rt-1" };
    await world.call("register_runtime", pat(), launched);
    await world.settle();
    const request = { agentId: "ann", role: "participant", sessionId: "rt-1", runtimeId: "rt-1" } as const;
    const refresh_ = { refresh: { forMs: day } };
    const { token } = await world.workspace.tokens.issue({ ...request, lifetimeMs: hour, ...refresh_ });
    expect((await refresh(token))["session_id"]).toBe("rt-1");
    await world.call("deregister_runtime", pat(), { runtime_id: "rt-1", reason: "done" });
    await clock.advance(trustCacheMs);
    await expect(verify(token)).rejects.toMatchObject({ code: "token_revoked" });
    expect(await world.call("list_tokens", pat(), { state: "live", agent_id: "ann" })).toMatchObject({
      tokens: [],
    });
  });

  test("the list shows who got what, who revoked it and why, never a token", async () => {
    const { token = "", jti } = await first();
    await refresh(token);
    await world.call("revoke_token", pat(), { jti, reason: "leaked" });
    const list = (await world.call("list_tokens", pat(), { agent_id: "ann" })) as { tokens: object[] };
    const revocation = { by: "pat", reason: "leaked" };
    const common = { agent_id: "ann", session_id: "s-1", state: "revoked", revocation };
    expect(list.tokens).toMatchObject([
      { ...common, issued_by: "ann", refreshed_from: jti },
      { ...common, jti, issued_by: "pat", refreshed_from: null },
    ]);
    for (const each of list.tokens) expect(Object.keys(each)).not.toContain("token");
    const auditor = callerOf(world, "eve", "auditor");
    expect(await world.call("list_tokens", auditor, { limit: 1 })).toMatchObject({ has_more: true });
    await expect(world.call("list_tokens", callerOf(world, "lead", "coordinator"), {})).rejects.toMatchObject(
      { code: "forbidden" },
    );
  });

  test("status and explain point out what ends within the hour, and what has ended", async () => {
    const status = async () => (await world.call("get_status", pat(), {}))["tokens_ending"];
    const note = async () => (await world.call("explain", pat(), { agent_id: "ann" }))["token"];
    expect([await status(), await note()]).toEqual([0, null]);
    const { jti } = await first({ refreshable: false, lifetime_s: 7_200 });
    expect([await status(), await note()]).toEqual([0, null]);
    await clock.advance(61 * minute);
    expect(await status()).toBe(1);
    expect(await note()).toMatch(/^Its token ends for good at .*: before that, launch it again/);
    await first();
    expect([await status(), await note()]).toEqual([0, null]);
    await clock.advance(hour);
    expect([await status(), await note()]).toEqual([0, expect.stringContaining("Its last token ended at")]);
    await world.call("revoke_tokens_of", pat(), { agent_id: "ann", reason: `not ${jti} alone` });
    expect(await note()).toMatch(/^Its last token was revoked/);
  });

  test("what ends soon and cannot be refreshed can be asked for", async () => {
    await first({ refreshable: false, lifetime_s: 1_800 });
    await first({ agent_id: "bob" });
    await first({ agent_id: "cy", refreshable: false });
    const list = (await world.call("list_tokens", pat(), { ending_within_s: 3_600 })) as {
      tokens: { agent_id: string }[];
    };
    expect(list.tokens.map(({ agent_id }) => agent_id)).toEqual(["ann"]);
  });
});
