import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createCredentials } from "../../../api/node/credentials.ts";
import { TokenFiles } from "../../../api/node/token-files.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

let folder: string;
let world: World;
let files: TokenFiles;
let errors: unknown[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "rouse-tokens-"));
  world = await createWorld();
  errors = [];
  files = newFiles();
  await world.call("register_runtime", pat(), { agent_id: "ann", runtime_id: "rt-1", mode: "attach" });
});
afterEach(() => rmSync(folder, { recursive: true }));

const pat = () => callerOf(world, "pat", "operator");
const newFiles = () =>
  new TokenFiles({
    ...{ folder: join(folder, "tokens"), store: world.store, tokens: world.workspace.tokens },
    onError: (_context, error) => errors.push(error),
  });
const owner = { agentId: "ann", sessionId: "s-1", runtimeId: "rt-1" };
const credentials = () => createCredentials(world.workspace.tokens, files);
async function handOut(): Promise<string> {
  const { tokenFileFor } = credentials();
  if (tokenFileFor === undefined) throw new Error("no files");
  return tokenFileFor(owner);
}
const verify = (path: string) => world.workspace.tokens.verify(readFileSync(path, "utf8"));

test("a program that reads a file gets fifteen minutes, others the whole session", async () => {
  const short = await verify(await handOut());
  expect(short.token.expiresAt - world.clock.now()).toBe(15 * minute);
  const long = await world.workspace.tokens.verify(await credentials().tokenFor(owner));
  expect(long.token.expiresAt - world.clock.now()).toBe(12 * 60 * minute);
  expect([short.agentId, short.role, short.sessionId]).toEqual(["ann", "participant", "s-1"]);
  const { rows } = await world.store.transaction((tx) => tx.listTokens({ runtimeId: "rt-1", limit: 9 }));
  expect(rows.map(({ issuedBy }) => issuedBy)).toEqual(["node", "node"]);
});

test("the file is private, holds the token alone, and is renewed in place", async () => {
  const path = await handOut();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, "tokens")).mode & 0o777).toBe(0o700);
  const before = await verify(path);
  await world.clock.advance(10 * minute);
  await files.renewAll();
  const after = await verify(path);
  expect(after.token.rootJti).toBe(before.jti);
  expect(after.token.expiresAt).toBe(world.clock.now() + 15 * minute);
  expect(readdirSync(join(folder, "tokens"))).toEqual(["rt-1"]);
});

test("a node that was away for hours makes the files of its living runtimes good again", async () => {
  const path = await handOut();
  await world.clock.advance(5 * 60 * minute);
  await expect(verify(path)).rejects.toMatchObject({ code: "token_expired" });
  await newFiles().renewAll();
  expect(await verify(path)).toMatchObject({ agentId: "ann", sessionId: "s-1" });
});

test.each([
  ["its agent's tokens were revoked", () => revoked()],
  [
    "its runtime has ended",
    () => world.call("deregister_runtime", pat(), { runtime_id: "rt-1", reason: "x" }),
  ],
  ["seven days have passed", () => world.clock.advance(7 * day)],
])("no successor is made when %s, and the file goes", async (_what, happens) => {
  const path = await handOut();
  await happens();
  await world.settle();
  await files.renewAll();
  expect(readdirSync(join(folder, "tokens"))).toEqual([]);
  expect(path).toContain("rt-1");
  expect(errors).toEqual([]);
});

async function revoked(): Promise<void> {
  await world.call("revoke_tokens_of", pat(), { agent_id: "ann", reason: "left" });
  await world.clock.advance(trustCacheMs);
}

test("while the store is away the file stays, and the next round goes on", async () => {
  const path = await handOut();
  const transaction = world.store.transaction.bind(world.store);
  world.store.transaction = () => Promise.reject(new Error("down"));
  await files.renewAll();
  expect(errors).toHaveLength(1);
  world.store.transaction = transaction;
  await world.clock.advance(10 * minute);
  await files.renewAll();
  expect((await verify(path)).token.expiresAt).toBe(world.clock.now() + 15 * minute);
});
