import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { restoreBackup } from "../../../persistence/postgres/backup/restore.ts";
import { writeBackup } from "../../../persistence/postgres/backup/write.ts";
import { connect } from "../../../persistence/postgres/connect.ts";
import { migrate } from "../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { callerOf, createWorld, type World } from "../../api/world.ts";
import { createTestDatabase } from "../../setup/database.ts";

let folder: string;
let file: string;
const nowhere = "postgres://127.0.0.1:1/none";
const drops: (() => Promise<void>)[] = [];
const quiet = { workspaceId: "w", onProgress: () => {} };
const bodies = [
  "a\\.b",
  "\\.",
  "line\nline\ttab\r",
  "\u2028 separator",
  "ünïcode 🦀",
  "'quotes' \"and\" \\N",
];

async function fresh(): Promise<string> {
  const { url, drop } = await createTestDatabase();
  drops.push(drop);
  return url;
}

async function withWorld<T>(url: string, work: (world: World) => Promise<T>): Promise<T> {
  const database = connect({ url });
  try {
    await migrate(database);
    return await work(await createWorld(undefined, createPostgresStore({ database, workspaceId: "w" })));
  } finally {
    await database.close();
  }
}

const pat = (world: World) => callerOf(world, "pat", "operator");
const rows = async (world: World) => {
  const { messages } = await world.call("read_messages", pat(world), { thread_id: "th-1", after_seq: 0 });
  return (messages as { body: string }[]).map(({ body }) => body);
};

let source: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rouse-backup-"));
  file = join(folder, "w.gz");
  source = await fresh();
  await withWorld(source, async (world) => {
    await world.call("create_thread", pat(world), { thread_id: "th-1", title: "t", participants: ["bob"] });
    for (const body of bodies) await world.call("post_message", pat(world), { thread_id: "th-1", body });
    await world.settle();
    while ((await world.store.sealAudit({ limit: 100 })) > 0);
  });
  await writeBackup({ ...quiet, url: source, file });
});
afterAll(async () => {
  for (const drop of drops) await drop();
  await rm(folder, { recursive: true });
});

const restored = (url: string, given = file, replace = false) =>
  restoreBackup({ ...quiet, url, file: given, replace });

describe("a backup", () => {
  test("is read by its owner alone, and never overwrites a file", async () => {
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await expect(writeBackup({ ...quiet, url: source, file })).rejects.toMatchObject({
      code: "already_exists",
    });
  });

  test("comes back in an empty database, with everything that text can hold, and goes on", async () => {
    const url = await fresh();
    expect(await restored(url)).toMatchObject({
      tables: { message: bodies.length, thread: 1 },
      audit_checked: bodies.length + 1,
      audit_problems: [],
    });
    await withWorld(url, async (world) => {
      expect(await rows(world)).toEqual(bodies);
      expect(await world.call("post_message", pat(world), { thread_id: "th-1", body: "on" })).toMatchObject({
        seq: bodies.length + 1,
      });
      await world.settle();
      expect(await world.store.counts()).toMatchObject({ mail: 0, deadLetters: 0 });
      while ((await world.store.sealAudit({ limit: 100 })) > 0);
      expect(await world.call("verify_audit", pat(world), {})).toMatchObject({ problems: [] });
    });
  });

  test("gives back no token that was revoked after it: all from before the restore are refused, later ones are good", async () => {
    const issue = (world: World, agentId: string) =>
      world.workspace.tokens.issue({ agentId, role: "participant", sessionId: "s", lifetimeMs: 60_000 });
    const lost = await withWorld(source, (world) => issue(world, "bob"));
    const early = join(folder, "early.gz");
    await writeBackup({ ...quiet, url: source, file: early });
    const late = await withWorld(source, async (world) => {
      const { jti } = lost;
      await world.call("revoke_token", pat(world), { jti, reason: "lost" });
      return issue(world, "cy");
    });
    const url = await fresh();
    const between: string[] = [];
    // The second one is of a database that was restored itself.
    const again = join(folder, "again.gz");
    for (const given of [early, again]) {
      await restored(url, given, given === again);
      await withWorld(url, async (world) => {
        const { tokens } = world.workspace;
        for (const token of [lost.token, late.token, ...between])
          await expect(tokens.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
        const { tokens: listed } = await world.call("list_tokens", pat(world), { agent_id: "bob" });
        const revocation = { reason: expect.stringMatching(/^restored/) as string };
        expect(listed).toContainEqual(expect.objectContaining({ jti: lost.jti, state: "revoked" }));
        for (const token of listed as object[]) expect(token).toMatchObject({ revocation });
        const { token } = await issue(world, "bob");
        expect(await tokens.verify(token)).toMatchObject({ agentId: "bob" });
        between.push(token);
      });
      if (given === early) await writeBackup({ ...quiet, url, file: again });
    }
  });

  test("is refused by a database that holds the workspace, unless it may be replaced", async () => {
    const url = await fresh();
    await restored(url);
    await expect(restored(url)).rejects.toMatchObject({ code: "already_exists" });
    expect(await restored(url, file, true)).toMatchObject({ tables: { message: bodies.length } });
  });

  test("of another workspace is refused", async () => {
    const request = { ...quiet, workspaceId: "x", url: nowhere, file, replace: false };
    await expect(restoreBackup(request)).rejects.toMatchObject({ code: "invalid_input" });
  });

  const edited = async (name: string, edit: (text: string) => string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(path, gzipSync(edit(gunzipSync(await readFile(file)).toString("utf8"))));
    return path;
  };

  test.each([
    ["a changed row", (text: string) => text.replace("separator", "separated"), "message was changed"],
    [
      "a cut end",
      (text: string) => text.slice(0, text.length - 40),
      "ends too early|is not what stands there",
    ],
    [
      "a newer schema",
      (text: string) => text.replace('"migrations":[1', '"migrations":[9999,1'),
      "migration 9999",
    ],
    ["no backup at all", () => "hello\n", "no whole backup"],
  ])("with %s is refused before a database is touched", async (what, edit, why) => {
    const broken = await edited(`${what}.gz`, edit);
    await expect(restored(nowhere, broken)).rejects.toThrow(new RegExp(why, "u"));
  });

  test("that was cut off in the middle of its compression is refused", async () => {
    const path = join(folder, "cut.gz");
    await writeFile(path, (await readFile(file)).subarray(0, 900));
    await expect(restored(nowhere, path)).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("whose rows do not fit together is refused", async () => {
    const other = await fresh();
    await restored(other);
    const database = connect({ url: other });
    await database.sql`delete from rouse.message where seq = 2`;
    await database.close();
    const holed = join(folder, "holed.gz");
    await writeBackup({ ...quiet, url: other, file: holed });
    await expect(restored(await fresh(), holed)).rejects.toThrow("thread th-1 have a gap");
  });
});
