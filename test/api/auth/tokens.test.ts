import {
  SignJWT,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
} from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { createAuthenticate } from "../../../api/auth/authenticate.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { systemIds } from "../../../runtime/clock.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const hour = 3_600_000;

describe("tokens", () => {
  let clock: ManualClock;
  let world: World;
  let nowS: number;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock);
    nowS = clock.now() / 1_000;
  });

  const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs: hour } as const;
  const issue = () => world.workspace.tokens.issue(request);
  const authenticate = (authorization?: string) => createAuthenticate([world.workspace])(authorization);
  const verify = (token: string) => authenticate(`Bearer ${token}`);
  const refused = { code: "unauthenticated", message: "a valid token is required" };

  async function signingKey() {
    const { keys } = await world.store.transaction((tx) => tx.readTokenTrust());
    const [key] = keys;
    if (key === undefined) throw new Error("no key");
    return { ...key, privateKey: await importJWK(key.privateJwk as JWK, "EdDSA") };
  }

  /** A token that is right but for what is given. */
  async function forge(header: Partial<JWTHeaderParameters>, changed: JWTPayload = {}) {
    const { kid, privateKey } = await signingKey();
    const claims = {
      iss: "rouse",
      aud: "rouse",
      exp: nowS + 600,
      jti: "j-1",
      agent_id: "ann",
      workspace_id: "w",
      role: "participant",
      session_id: "s-1",
      ...changed,
    };
    return new SignJWT(claims)
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid, ...header })
      .sign(privateKey);
  }

  test("an issued token says who calls, and where", async () => {
    const { token, jti } = await issue();
    expect((await verify(token)).caller).toMatchObject({
      agentId: "ann",
      workspaceId: "w",
      role: "participant",
      sessionId: "s-1",
      jti,
    });
  });

  test("the forged tokens below are refused for their one fault: without it they pass", async () => {
    expect((await verify(await forge({}))).caller).toMatchObject({ agentId: "ann" });
  });

  test("no header, another scheme, garbage and an overlong token are refused", async () => {
    for (const header of [
      undefined,
      "",
      "Basic YTpi",
      "Bearer",
      "Bearer a.b.c",
      `Bearer ${"a".repeat(5_000)}`,
    ]) {
      await expect(authenticate(header)).rejects.toMatchObject(refused);
    }
  });

  test("a token expires, with five seconds of tolerance", async () => {
    const { token } = await issue();
    await clock.advance(hour + 4_000);
    expect((await verify(token)).caller.agentId).toBe("ann");
    await clock.advance(2_000);
    await expect(verify(token)).rejects.toMatchObject({ code: "token_expired" });
  });

  test("a token that is not valid yet is refused", async () => {
    await expect(forge({}, { nbf: nowS + 60 }).then(verify)).rejects.toMatchObject(refused);
  });

  test.each([
    ["another issuer", { iss: "other" }],
    ["another audience", { aud: "other" }],
    ["an audience list", { aud: ["rouse", "other"] }],
    ["no audience", { aud: undefined }],
    ["no end", { exp: undefined }],
    ["no id", { jti: undefined }],
    ["no agent", { agent_id: undefined }],
    ["no workspace", { workspace_id: undefined }],
    ["no role", { role: undefined }],
    ["no session", { session_id: undefined }],
    ["an unknown role", { role: "root" }],
    ["a malformed agent", { agent_id: "../ann" }],
    ["another workspace", { workspace_id: "elsewhere" }],
  ])("a token with %s is refused", async (_what, claims) => {
    await expect(forge({}, claims as JWTPayload).then(verify)).rejects.toMatchObject(refused);
  });

  test("another type of token is refused", async () => {
    await expect(forge({ typ: "JWT" }).then(verify)).rejects.toMatchObject(refused);
  });

  test("a token signed with another key under our kid is refused", async () => {
    const { privateKey } = await generateKeyPair("EdDSA");
    const { kid } = await signingKey();
    const token = await new SignJWT({ agent_id: "ann", workspace_id: "w", role: "operator", session_id: "s" })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid })
      .setIssuer("rouse")
      .setAudience("rouse")
      .setJti("j")
      .setExpirationTime(nowS + 600)
      .sign(privateKey);
    await expect(verify(token)).rejects.toMatchObject(refused);
  });

  test("a key that the token brings along is not looked at", async () => {
    const { privateKey, publicKey } = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = await exportJWK(publicKey);
    const { kid } = await signingKey();
    for (const header of [
      { kid, jwk },
      { kid: "mine", jwk },
      { kid, jku: "https://evil.example/keys" },
    ]) {
      const token = await new SignJWT({
        agent_id: "ann",
        workspace_id: "w",
        role: "operator",
        session_id: "s",
      })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", ...header })
        .setIssuer("rouse")
        .setAudience("rouse")
        .setJti("j")
        .setExpirationTime(nowS + 600)
        .sign(privateKey);
      await expect(verify(token)).rejects.toMatchObject(refused);
    }
  });

  test.each([["../../etc/passwd"], ["__proto__"], ["constructor"], [""]])(
    "kid %s finds no key",
    async (kid) => {
      await expect(forge({ kid }).then(verify)).rejects.toMatchObject(refused);
    },
  );

  test("HS256 with the public key as its secret, and no algorithm at all, are refused", async () => {
    const { kid, publicJwk } = await signingKey();
    const secret = new TextEncoder().encode(String(publicJwk["x"]));
    const claims = { agent_id: "ann", workspace_id: "w", role: "operator", session_id: "s" };
    const hs256 = await new SignJWT(claims)
      .setProtectedHeader({ alg: "HS256", typ: "at+jwt", kid })
      .setIssuer("rouse")
      .setAudience("rouse")
      .setJti("j")
      .setExpirationTime(nowS + 600)
      .sign(secret);
    await expect(verify(hs256)).rejects.toMatchObject(refused);
    const [, payload = ""] = hs256.split(".");
    const none = Buffer.from(JSON.stringify({ alg: "none", typ: "at+jwt", kid })).toString("base64url");
    await expect(verify(`${none}.${payload}.`)).rejects.toMatchObject(refused);
  });

  test("a changed payload breaks the signature", async () => {
    const [header = "", payload = "", signature = ""] = (await issue()).token.split(".");
    const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as object;
    const raised = Buffer.from(JSON.stringify({ ...claims, role: "operator" })).toString("base64url");
    await expect(verify(`${header}.${raised}.${signature}`)).rejects.toMatchObject(refused);
  });

  test("a revoked token is refused: here at once, by other nodes within the promised seconds", async () => {
    const operator = callerOf(world, "pat", "operator");
    const other = await createTokenAuthority({ store: world.store, clock, ids: systemIds });
    const { token, jti } = await issue();
    await verify(token);
    await other.verify(token);
    await expect(world.call("revoke_token", operator, { jti })).rejects.toMatchObject({
      code: "reason_required",
    });
    await world.call("revoke_token", operator, { jti, reason: "leaked" });
    await expect(verify(token)).rejects.toMatchObject({ code: "token_revoked" });
    await clock.advance(trustCacheMs);
    await expect(other.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
  });

  test("an operator issues tokens; the secret is shown once and never stored", async () => {
    const operator = callerOf(world, "pat", "operator");
    const input = { agent_id: "bob", role: "participant", lifetime_s: 60, idempotency_key: "k1" };
    const first = await world.call("issue_token", operator, input);
    expect((await verify(first["token"] as string)).caller).toMatchObject({ agentId: "bob" });
    expect(await world.call("issue_token", operator, input)).toEqual({ ...first, token: null });
    expect(JSON.stringify(await world.audit())).not.toContain(first["token"] as string);
    await expect(
      world.call("issue_token", operator, { agent_id: "bob", role: "participant", lifetime_s: 43_201 }),
    ).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("nodes that start at the same time agree on one key", async () => {
    const store = createMemoryStore({ workspaceId: "w", clock });
    const authorities = await Promise.all(
      Array.from({ length: 4 }, () => createTokenAuthority({ store, clock, ids: systemIds })),
    );
    expect(new Set(authorities.flatMap((authority) => authority.keyIds())).size).toBe(1);
    const { token } = await authorities[0]!.issue(request);
    expect(await authorities[3]!.verify(token)).toMatchObject({ agentId: "ann" });
  });

  test("a token is good in the workspace whose key signed it only", async () => {
    const store = createMemoryStore({ workspaceId: "other", clock });
    const other = await createWorld(clock, store);
    const both = createAuthenticate([world.workspace, other.workspace]);
    const { token } = await other.workspace.tokens.issue(request);
    const { caller, workspace } = await both(`Bearer ${token}`);
    expect([caller.workspaceId, workspace]).toEqual(["other", other.workspace]);
    await expect(verify(token)).rejects.toMatchObject(refused);
  });
});
