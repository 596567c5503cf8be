import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { findBinaries } from "../../persistence/embedded/binaries.ts";
import { chooseOwner } from "../../persistence/embedded/owner.ts";
import { isAlive, waitFor } from "../../persistence/embedded/process.ts";
import type { EmbeddedPostgres } from "../../persistence/embedded/server.ts";
import { embeddedStatus, startEmbedded, stopEmbedded } from "../../persistence/embedded/server.ts";
import { connect } from "../../persistence/postgres/connect.ts";

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const starters: ChildProcess[] = [];
const dirs: string[] = [];

let template: string;

beforeAll(async () => {
  template = await mkdtemp(path.join(tmpdir(), "rouse-embedded-template-"));
  await chmod(template, 0o711);
  await startEmbedded({ dir: template });
  await stopEmbedded({ dir: template });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

afterEach(async () => {
  for (const starter of starters.splice(0)) starter.kill("SIGKILL");
  for (const dir of dirs.splice(0)) {
    const dataDir = await readFile(path.join(dir, "location"), "utf8").catch(() => path.join(dir, "data"));
    await stopEmbedded({ dir });
    if (path.dirname(dataDir) !== dir) await rm(path.dirname(dataDir), { recursive: true, force: true });
    await rm(dir, { recursive: true, force: true });
  }
});

async function stateFolder(mode = 0o711): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), "rouse-embedded-"));
  await chmod(dir, mode);
  dirs.push(dir);
  return dir;
}

/** A state folder whose database was made before: initdb takes a second, a copy a tenth. */
async function preparedFolder(): Promise<string> {
  const dir = await stateFolder();
  for (const name of ["data", "password"]) await run("cp", ["-a", path.join(template, name), dir]);
  return dir;
}

async function startInOtherProcess(
  dir: string,
): Promise<{ starter: ChildProcess; server: EmbeddedPostgres }> {
  const script = fileURLToPath(new URL("start-embedded.ts", import.meta.url));
  const starter = spawn(process.execPath, [script, dir], { stdio: ["pipe", "pipe", "inherit"] });
  starters.push(starter);
  const [line] = (await once(createInterface(starter.stdout), "line")) as [string];
  return { starter, server: JSON.parse(line) as EmbeddedPostgres };
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const database = connect({ url, max: 1 });
  try {
    return [...(await database.sql.unsafe(statement))];
  } finally {
    await database.close();
  }
}

describe("one server for all", () => {
  test("two processes that start at once share one server, and one of them started it", async () => {
    const dir = await stateFolder();
    const [one, two] = await Promise.all([startInOtherProcess(dir), startInOtherProcess(dir)]);
    expect(one.server.pid).toBe(two.server.pid);
    expect(one.server.url).toBe(two.server.url);
    expect([one, two].filter(({ server }) => server.started)).toHaveLength(1);
    expect(await readdir(dir)).not.toContain("lock");
  });

  test("the server survives a kill -9 of the process that started it", async () => {
    const dir = await preparedFolder();
    const { starter, server } = await startInOtherProcess(dir);
    starter.kill("SIGKILL");
    await once(starter, "exit");
    expect(await embeddedStatus({ dir })).toEqual({ running: true, pid: server.pid, url: server.url });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("stop ends it, twice is harmless, and the next start keeps port and data", async () => {
    const dir = await preparedFolder();
    const first = await startEmbedded({ dir });
    await query(first.url, "create table kept as select 42 as answer");
    expect(await stopEmbedded({ dir })).toBe("stopped");
    expect(await isAlive(first.pid)).toBe(false);
    expect(await stopEmbedded({ dir })).toBe("notRunning");
    expect(await embeddedStatus({ dir })).toEqual({ running: false });
    const second = await startEmbedded({ dir });
    expect(second).toMatchObject({ url: first.url, started: true });
    expect(await query(second.url, "select answer from kept")).toEqual([{ answer: 42 }]);
  });

  test("status and stop of a folder that never was tell that nothing runs", async () => {
    const dir = path.join(await stateFolder(), "never");
    expect(await embeddedStatus({ dir })).toEqual({ running: false });
    expect(await stopEmbedded({ dir })).toBe("notRunning");
  });
});

describe("after a crash", () => {
  test("a kill -9 of the server loses no committed row", async () => {
    const dir = await preparedFolder();
    const first = await startEmbedded({ dir });
    await query(first.url, "create table acknowledged (id int)");
    for (let id = 0; id < 20; id += 1) await query(first.url, `insert into acknowledged values (${id})`);
    process.kill(first.pid, "SIGKILL");
    expect(await waitFor(async () => ((await embeddedStatus({ dir })).running ? null : "gone"), 30_000)).toBe(
      "gone",
    );
    const second = await startEmbedded({ dir });
    expect(second).toMatchObject({ url: first.url, started: true });
    expect(second.pid).not.toBe(first.pid);
    expect(await query(second.url, "select count(*)::int from acknowledged")).toEqual([{ count: 20 }]);
  });

  test("a lock of a dead process, of a reused process id and a half-written one do not block a start", async () => {
    const dir = await preparedFolder();
    const dead = spawn("true");
    await once(dead, "exit");
    for (const stale of [{ pid: dead.pid }, { pid: process.pid, born: "another boot" }, null]) {
      await writeFile(path.join(dir, "lock"), stale === null ? "" : JSON.stringify(stale));
      expect(await startEmbedded({ dir })).toMatchObject({ started: true });
      await stopEmbedded({ dir });
    }
  });

  test("a postmaster.pid whose process id now belongs to a stranger does not block a start", async () => {
    const dir = await preparedFolder();
    const first = await startEmbedded({ dir });
    const pidFile = path.join(first.dataDir, "postmaster.pid");
    const content = await readFile(pidFile, "utf8");
    await stopEmbedded({ dir });
    // The stranger must have the server's own user: Postgres itself only trips over those.
    const { uid, gid } = await stat(first.dataDir);
    const stranger = spawn("sleep", ["60"], { uid, gid });
    starters.push(stranger);
    await once(stranger, "spawn");
    await writeFile(pidFile, content.replace(/^\d+/u, String(stranger.pid)));
    expect(await embeddedStatus({ dir })).toEqual({ running: false });
    expect(await startEmbedded({ dir })).toMatchObject({ started: true });
  });

  test("what a killed initdb left behind is removed and the folder made anew", async () => {
    const dir = await stateFolder();
    const leftover = path.join(dir, "data.half-made");
    await mkdir(leftover);
    await writeFile(path.join(leftover, "PG_VERSION"), "18\n");
    const server = await startEmbedded({ dir });
    expect(await query(server.url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect(await readdir(dir)).not.toContain("data.half-made");
  });
});

describe("safety", () => {
  test("the password is required, readable by us only, and no program listens beyond this machine", async () => {
    const dir = await preparedFolder();
    const { url } = await startEmbedded({ dir });
    expect((await stat(path.join(dir, "password"))).mode & 0o777).toBe(0o600);
    const wrong = new URL(url);
    wrong.password = "guess";
    await expect(query(wrong.href, "select 1")).rejects.toMatchObject({
      code: "database_unavailable",
      details: { reason: "28P01" },
    });
    expect(
      await query(url, "select name, setting from pg_settings where name in ('fsync', 'listen_addresses')"),
    ).toEqual([
      { name: "fsync", setting: "on" },
      { name: "listen_addresses", setting: "127.0.0.1" },
    ]);
  });

  test("statements and values never reach the server's log", async () => {
    const dir = await preparedFolder();
    const { url, dataDir } = await startEmbedded({ dir });
    await query(url, "create table secrets (value text primary key)");
    await query(url, "insert into secrets values ('canary')");
    await expect(query(url, "insert into secrets values ('canary')")).rejects.toThrow(/duplicate key/u);
    const folder = path.join(dataDir, "log");
    const logs = await Promise.all(
      (await readdir(folder)).map((name) => readFile(path.join(folder, name), "utf8")),
    );
    expect(logs.join("")).toContain("duplicate key");
    expect(logs.join("")).not.toContain("canary");
  });
});

describe("bad surroundings", () => {
  test("a folder that cannot be made is refused by name with a next step", async () => {
    const file = path.join(await stateFolder(), "file");
    await writeFile(file, "");
    await expect(startEmbedded({ dir: path.join(file, "state") })).rejects.toMatchObject({
      code: "directory_not_writable",
      message: expect.stringContaining(file) as string,
      nextStep: expect.any(String) as string,
    });
  });

  test.skipIf(isRoot)("a folder without write permission is refused by name", async () => {
    const dir = await stateFolder(0o500);
    await expect(startEmbedded({ dir })).rejects.toMatchObject({
      code: "directory_not_writable",
      details: { dir },
    });
    await chmod(dir, 0o700);
  });

  test("when the usual port was taken meanwhile another one is used", async () => {
    const dir = await preparedFolder();
    const first = await startEmbedded({ dir });
    await stopEmbedded({ dir });
    const squatter = createServer().listen(Number(new URL(first.url).port), "127.0.0.1");
    await once(squatter, "listening");
    const second = await startEmbedded({ dir });
    squatter.close();
    expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
    expect(await query(second.url, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test("a server that does not come up shows its last log lines", async () => {
    const dir = await preparedFolder();
    const { dataDir } = await startEmbedded({ dir });
    await stopEmbedded({ dir });
    await writeFile(path.join(dataDir, "postgresql.auto.conf"), "no_such_setting = 1\n");
    await expect(startEmbedded({ dir })).rejects.toMatchObject({
      code: "database_unavailable",
      message: expect.stringContaining("no_such_setting") as string,
    });
  });

  test("a start that failed leaves no lock", async () => {
    const dir = await preparedFolder();
    await startEmbedded({ dir });
    await stopEmbedded({ dir });
    await rm(path.join(dir, "password"));
    await expect(startEmbedded({ dir })).rejects.toThrow(/password/u);
    expect(await readdir(dir)).not.toContain("lock");
  });
});

describe("root", () => {
  test("root without a user to run as is refused with a next step", async () => {
    await expect(chooseOwner(0, async () => null)).rejects.toMatchObject({
      code: "root_without_other_user",
      nextStep: expect.stringContaining("DATABASE_URL") as string,
    });
  });

  test("anybody but root runs the server as themselves", async () => {
    expect(await chooseOwner(1000, async () => ({ name: "postgres", uid: 5, gid: 5 }))).toBeNull();
  });

  test("nobody is taken where postgres does not exist", async () => {
    const nobody = { name: "nobody", uid: 65_534, gid: 65_534 };
    expect(await chooseOwner(0, async (name) => (name === "nobody" ? nobody : null))).toEqual(nobody);
  });

  test.runIf(isRoot)(
    "below a closed home the data lives in a shared place, and nothing in it is root's",
    async () => {
      const home = await stateFolder(0o700);
      const dir = path.join(home, ".rouse", "postgres");
      dirs.unshift(dir);
      const { url, dataDir } = await startEmbedded({ dir });
      expect(dataDir.startsWith(home)).toBe(false);
      expect((await stat(home)).mode & 0o777).toBe(0o700);
      expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
      await stopEmbedded({ dir });
      expect(await startEmbedded({ dir })).toMatchObject({ dataDir, url });
      const entries = await readdir(dataDir, { recursive: true });
      const owners = await Promise.all(
        entries.map(async (name) => (await stat(path.join(dataDir, name))).uid),
      );
      expect(owners).not.toContain(0);
    },
  );
});

test("the binaries are copied once and their libraries are linked, whatever npm left out", async () => {
  const shared = await stateFolder();
  const { postgres } = await findBinaries(shared);
  const { ino } = await stat(postgres);
  expect((await stat((await findBinaries(shared)).postgres)).ino).toBe(ino);
  expect(await readdir(path.join(path.dirname(postgres), "..", "lib"))).toContain("libicuuc.so.60");
});
