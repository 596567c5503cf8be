import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { keyEncryption } from "../../../api/auth/key-encryption.ts";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { systemIds } from "../../../runtime/clock.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld } from "../world.ts";

const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs: 60_000 } as const;
const [first, second] = [randomBytes(32).toString("base64"), randomBytes(32).toString("hex")];

describe("signing keys at rest", () => {
  let clock: ManualClock;
  let store: Store;

  beforeEach(() => {
    clock = new ManualClock();
    store = createMemoryStore({ workspaceId: "w", clock });
  });

  const start = async (secret: string | null) => {
    await clock.advance(1);
    return createTokenAuthority({ store, clock, ids: systemIds, encryption: keyEncryption(secret) });
  };
  const stored = async () => {
    const { keys } = await store.transaction((tx) => tx.readTokenTrust());
    return keys.map(({ kid, privateJwk }) => ({ kid, privateJwk }));
  };

  test("stand in plain text unless a key is given, which the nodes of the release before understand", async () => {
    await start(null);
    expect(await stored()).toMatchObject([{ privateJwk: { kty: "OKP", d: expect.any(String) as string } }]);
  });

  test("are encrypted from the first one on, also those that a rotation makes", async () => {
    const tokens = await start(first);
    await clock.advance(1);
    await store.transaction((tx) => tokens.createKey(tx, "pat"));
    expect(await tokens.verify((await tokens.issue(request)).token)).toMatchObject({ agentId: "ann" });
    expect(await stored()).toMatchObject([
      { privateJwk: null },
      { privateJwk: { jwe: expect.any(String) as string } },
    ]);
    expect(JSON.stringify((await stored())[1]?.privateJwk)).not.toContain('"d"');
  });

  test("that stood in plain text sign no more once a key is given; what they signed stays good", async () => {
    const before = await (await start(null)).issue(request);
    const [alone, beside] = await Promise.all([start(first), start(first)]);
    expect((await stored()).map(({ privateJwk }) => Object.keys(privateJwk ?? {}))).toEqual([[], ["jwe"]]);
    const after = await beside.issue(request);
    for (const { token } of [before, after])
      expect(await alone.verify(token)).toMatchObject({ agentId: "ann" });
  });

  test("are not touched by a start with the same key", async () => {
    await start(first);
    const before = await stored();
    await start(first);
    expect(await stored()).toEqual(before);
  });

  test("change to a new key when the file names the earlier one behind it, and then need it no more", async () => {
    const before = await (await start(first)).issue(request);
    await start(`${second}\n${first}\n`);
    const after = await start(second);
    expect(await stored()).toHaveLength(2);
    expect(await after.verify(before.token)).toMatchObject({ agentId: "ann" });
    expect(await after.verify((await after.issue(request)).token)).toMatchObject({ agentId: "ann" });
  });

  test.each([
    ["no key", null, "none is given"],
    ["another key", second, "given: "],
  ])("with %s no node starts, and it says which one is needed", async (_, secret, own) => {
    await start(first);
    const before = await stored();
    await expect(start(secret)).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringMatching(
        new RegExp(`cannot be decrypted: that needs encryption key [0-9a-f]{12}; ${own}`),
      ) as string,
      nextStep: expect.stringContaining("ROUSE_KEY_ENCRYPTION_KEY_FILE") as string,
    });
    expect(await stored()).toEqual(before);
  });

  test("a node that was running without it goes on verifying, and its failure to sign is not its caller's fault", async () => {
    const old = await start(null);
    const { token } = await old.issue(request);
    const upgraded = await start(first);
    await expect(old.issue(request)).rejects.toMatchObject({ code: "internal" });
    expect(await old.verify(token)).toMatchObject({ agentId: "ann" });
    await clock.advance(5_000);
    expect(await old.verify((await upgraded.issue(request)).token)).toMatchObject({ agentId: "ann" });
  });

  test("what was sealed for one signing key opens for no other, nor once a character is changed", async () => {
    const encryption = keyEncryption(first);
    const sealed = await encryption.seal("key-1", { d: "secret" });
    expect(await encryption.open("key-1", sealed)).toEqual({ d: "secret" });
    await expect(encryption.open("key-2", sealed)).rejects.toMatchObject({ code: "invalid_input" });
    const jwe = String(sealed["jwe"]);
    const parts = jwe.split(".");
    const changed = [
      ...parts.slice(0, 3),
      `${parts[3]?.startsWith("A") ? "B" : "A"}${parts[3]?.slice(1)}`,
      parts[4],
    ];
    const opening = encryption.open("key-1", { jwe: changed.join(".") });
    await expect(opening).rejects.toMatchObject({ code: "invalid_input" });
  });

  test.each([
    ["short", "c2hvcnQ="],
    ["none", " x "],
    ["one good, one not", `${first}\nno`],
  ])("a secret that is no key (%s) is refused by name, and not told", (_, secret) => {
    expect(() => keyEncryption(secret)).toThrow(
      expect.objectContaining({
        code: "invalid_input",
        message: "ROUSE_KEY_ENCRYPTION_KEY is not 32 bytes in Base64 or hex",
      }) as Error,
    );
  });

  test("list_signing_keys tells how each is stored", async () => {
    const world = await createWorld(clock, store);
    await start(first);
    const { keys } = await world.call("list_signing_keys", callerOf(world, "pat", "operator"), {});
    expect((keys as { private_part: string }[]).map((key) => key.private_part)).toEqual([null, "encrypted"]);
  });
});
