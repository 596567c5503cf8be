import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { Home } from "../../../api/node/home.ts";
import { keepOperatorToken } from "../../../api/node/operator-token.ts";
import { systemClock, systemIds } from "../../../runtime/clock.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import type { TokenAuthority } from "../../../api/operations/tokens.ts";

let folder: string;
let tokens: TokenAuthority;
let end: () => void;
const errors: unknown[] = [];
const store = () => createMemoryStore({ workspaceId: "w", clock: systemClock });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-operator-"));
});
afterEach(() => {
  end();
  rmSync(folder, { recursive: true });
});

const current = () => readFileSync(join(folder, "operator.token"), "utf8");

test("the operator's token is replaced within seconds when its key is retired on another node", async () => {
  const shared = store();
  tokens = await createTokenAuthority({ store: shared, clock: systemClock, ids: systemIds });
  end = await keepOperatorToken({
    ...{ home: new Home(folder), tokens },
    onError: (_context, error) => errors.push(error),
  });
  const before = current();
  const caller = await tokens.verify(before);
  await shared.transaction(async (tx) => {
    await tx.retireSigningKey({ kid: caller.token.kid, by: "pat", reason: "leaked" });
    await tokens.createKey(tx, "pat");
  });
  await vi.waitFor(() => expect(current()).not.toBe(before), { timeout: 15_000 });
  expect(await tokens.verify(current())).toMatchObject({ agentId: "operator", role: "operator" });
  await expect(tokens.verify(before)).rejects.toMatchObject({ code: "token_revoked" });
  expect(errors).toEqual([]);
});
