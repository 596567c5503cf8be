import { decodeProtectedHeader } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import { createAuthenticate } from "../../../api/auth/authenticate.ts";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import { longestLifetimeMs, type TokenAuthority } from "../../../api/operations/tokens.ts";
import { systemIds } from "../../../runtime/clock.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const hour = 3_600_000;
const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs: 12 * hour } as const;

describe("signing keys", () => {
  let clock: ManualClock;
  let world: World;
  /** Another node of the workspace; it hears no doorbell. */
  let other: TokenAuthority;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock);
    other = await createTokenAuthority({ store: world.store, clock, ids: systemIds });
  });

  const pat = () => callerOf(world, "pat", "operator");
  const rotate = async () => {
    // Keys are listed by their age.
    await clock.advance(1);
    return world.call("rotate_signing_key", pat(), { reason: "yearly" });
  };
  const retire = (kid: unknown, reason = "leaked") =>
    world.call("retire_signing_key", pat(), { kid, reason });
  const states = async () => {
    const { keys } = await world.call("list_signing_keys", pat(), {});
    return (keys as { state: string }[]).map(({ state }) => state);
  };
  const kidOf = (token: string) => decodeProtectedHeader(token).kid;

  test("after a rotation the new key signs at once, on other nodes too, and what the old one signed stays good", async () => {
    const before = await other.issue(request);
    const { kid } = await rotate();
    expect(await states()).toEqual(["verifying", "signing"]);
    const here = await world.workspace.tokens.issue(request);
    const there = await other.issue(request);
    expect([kidOf(here.token), kidOf(there.token)]).toEqual([kid, kid]);
    for (const { token } of [before, here, there]) {
      expect(await other.verify(token)).toMatchObject({ agentId: "ann" });
      expect(await world.workspace.tokens.verify(token)).toMatchObject({ agentId: "ann" });
    }
  });

  test("a token of a key that was made a moment ago on another node is good here at once", async () => {
    await other.verify((await other.issue(request)).token);
    await rotate();
    const { token } = await world.workspace.tokens.issue(request);
    const authenticate = createAuthenticate([{ ...world.workspace, tokens: other }]);
    expect((await authenticate(`Bearer ${token}`)).caller.agentId).toBe("ann");
  });

  test("the old key verifies until the longest life has passed, and no longer", async () => {
    const last = await world.workspace.tokens.issue(request);
    await rotate();
    await clock.advance(longestLifetimeMs - 1_000);
    expect(await other.verify(last.token)).toMatchObject({ agentId: "ann" });
    await clock.advance(100_000);
    expect(await states()).toEqual(["expired", "signing"]);
    await expect(other.verify(last.token)).rejects.toMatchObject({ code: "unauthenticated" });
  });

  test("a retired key refuses its tokens here at once, elsewhere within two seconds; another one signs", async () => {
    const { token } = await world.workspace.tokens.issue(request);
    await other.verify(token);
    const kid = kidOf(token);
    const answer = await retire(kid);
    expect(answer).toMatchObject({ kid, retired: true });
    await expect(world.workspace.tokens.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
    await clock.advance(trustCacheMs);
    await expect(other.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
    const next = await other.issue(request);
    expect(kidOf(next.token)).toBe(answer["signing_kid"]);
    expect(await other.verify(next.token)).toMatchObject({ agentId: "ann" });
    expect(await retire(kid, "again")).toMatchObject({ retired: false, signing_kid: answer["signing_kid"] });
  });

  test("a superseded key can be retired too, and the signing one stays", async () => {
    const { token } = await world.workspace.tokens.issue(request);
    const { kid } = await rotate();
    expect(await retire(kidOf(token))).toMatchObject({ signing_kid: kid });
    expect(await states()).toEqual(["retired", "signing"]);
    await clock.advance(trustCacheMs);
    await expect(other.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
  });

  test("no private part is kept but the signing key's, and none is ever shown", async () => {
    const { keys: first } = await world.store.transaction((tx) => tx.readTokenTrust());
    const secret = String(first[0]?.privateJwk?.["d"]);
    const shown = JSON.stringify([await world.call("list_signing_keys", pat(), {}), await rotate()]);
    expect(shown).not.toContain(secret);
    expect(shown).not.toContain('"d"');
    const { keys } = await world.store.transaction((tx) => tx.readTokenTrust());
    expect(keys.map(({ privateJwk }) => privateJwk !== null)).toEqual([false, true]);
    expect(JSON.stringify(await world.audit())).not.toContain(secret);
  });

  test("rotating and retiring need a reason and an operator, and are audited", async () => {
    await expect(world.call("rotate_signing_key", pat(), {})).rejects.toMatchObject({
      code: "reason_required",
    });
    const lead = callerOf(world, "lead", "coordinator");
    await expect(world.call("rotate_signing_key", lead, { reason: "x" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(retire("unknown")).rejects.toMatchObject({ code: "not_found" });
    const { kid } = await rotate();
    expect((await world.audit())[0]).toMatchObject({
      ...{ actor: "pat", operation: "rotate_signing_key", outcome: "done", reason: "yearly" },
      changes: [{ of: "signing-key", after: kid }],
    });
    expect((await world.audit()).map(({ code }) => code)).toEqual([
      ...[null, "not_found", "forbidden", "reason_required"],
    ]);
  });

  test("a node whose clock is an hour off issues tokens that others take, and takes theirs", async () => {
    for (const offsetMs of [-hour, hour]) {
      const wrong = { now: () => clock.now() + offsetMs, after: clock.after.bind(clock) };
      const off = await createTokenAuthority({ store: world.store, clock: wrong, ids: systemIds });
      const short = { ...request, lifetimeMs: 15 * 60_000 };
      const [theirs, ours] = [await off.issue(short), await other.issue(short)];
      expect(theirs.expiresAt).toBe(ours.expiresAt);
      for (const { token } of [theirs, ours]) {
        expect(await other.verify(token)).toMatchObject({ agentId: "ann" });
        expect(await off.verify(token)).toMatchObject({ agentId: "ann" });
      }
      await clock.advance(16 * 60_000);
      await expect(off.verify(ours.token)).rejects.toMatchObject({ code: "token_expired" });
      await expect(other.verify(theirs.token)).rejects.toMatchObject({ code: "token_expired" });
    }
  });
});
