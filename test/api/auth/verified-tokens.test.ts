import { beforeEach, describe, expect, test } from "vitest";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import type { TokenAuthority } from "../../../api/operations/tokens.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { systemIds } from "../../../runtime/clock.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";

/** A token that was good a moment ago is looked up, not verified. */
describe("a token that is shown again", () => {
  let clock: ManualClock;
  let store: Store;
  let tokens: TokenAuthority;
  const issue = async (lifetimeMs = 60_000) =>
    tokens.issue({ agentId: "ann", role: "participant", sessionId: "s", lifetimeMs });

  beforeEach(async () => {
    clock = new ManualClock();
    store = createMemoryStore({ workspaceId: "w", clock });
    tokens = await createTokenAuthority({ store, clock, ids: systemIds });
  });

  test("names the same caller", async () => {
    const { token } = await issue();
    expect(await tokens.verify(token)).toEqual(await tokens.verify(token));
  });

  test("is refused once it has expired", async () => {
    const { token } = await issue();
    await tokens.verify(token);
    await clock.advance(66_001);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "token_expired" });
  });

  test("is refused once it is revoked, within the promised two seconds", async () => {
    const { token, jti, expiresAt } = await issue();
    await tokens.verify(token);
    await store.transaction((tx) => tx.revokeToken({ jti, expiresAt, reason: "lost", by: "pat" }));
    await clock.advance(2_000);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
  });

  test("is no help to one that differs in a single character", async () => {
    const { token } = await issue();
    await tokens.verify(token);
    const forged = `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`;
    await expect(tokens.verify(forged)).rejects.toMatchObject({ code: "unauthenticated" });
  });
});
