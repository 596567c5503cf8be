import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { NodeFile } from "../../../api/node-messages.ts";
import { isSameProcess } from "../../../api/cli/node-process.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { runProcess, type Outcome } from "./stage.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "rouse-up-"));
});
afterEach(async () => {
  // What a failed test left running.
  if (["node.json", "postgres"].some((name) => existsSync(join(home, name)))) await rouse(["down"]);
  await rm(home, { recursive: true, force: true });
});

const rouse = (args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  runProcess(args, { environment: { ROUSE_HOME: home, ROUSE_PORT: "0", ...environment } });

const nodeFile = async () => JSON.parse(await readFile(join(home, "node.json"), "utf8")) as NodeFile;

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("it did not come true within 10 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("with the embedded database", () => {
  test("up starts all, a second up changes nothing, kill -9 loses nothing, down ends all", async () => {
    const first = await rouse(["up"]);
    expect(first).toMatchObject({ code: 0 });
    const node = await nodeFile();
    expect(first.out).toContain("Rouse is running.");
    expect(first.out).toContain("rouse agent connect codex --agent codex-1\n");
    expect(first.out).toContain("rouse agent connect claude-code --agent claude-1\n");
    expect(first.out).toContain(`client to ${node.url}/mcp with a token`);
    expect(first.err).toMatch(/^Starting the node\n( {2}.* …\n)+$/);

    const second = await rouse(["up", "--json"]);
    expect(JSON.parse(second.out)).toMatchObject({ started: false, node: { pid: node.pid } });
    expect((await rouse(["thread", "create", "Review", "--id", "th-1"])).code).toBe(0);

    process.kill(node.pid, "SIGKILL");
    await until(() => !isSameProcess(node));
    const lost = await rouse(["status"]);
    expect(lost).toMatchObject({ code: 7 });
    expect(lost.err).toContain("has ended without a goodbye");

    expect(await rouse(["up"])).toMatchObject({ code: 0 });
    const next = await nodeFile();
    expect(next.pid).not.toBe(node.pid);
    expect((await rouse(["thread", "show", "th-1"])).out).toContain("Review");

    const { pid: database } = await postmaster();
    expect((await rouse(["down", "--keep-database"])).out).toBe(`The node (pid ${next.pid}) has ended.\n`);
    expect(isSameProcess({ pid: database, pidStartedAt: null })).toBe(true);
    expect((await rouse(["down"])).out).toBe("No node is running. Its database is stopped.\n");
    expect(isSameProcess({ pid: database, pidStartedAt: null })).toBe(false);
    expect(await rouse(["status"])).toMatchObject({ code: 7 });
  }, 120_000);

  async function postmaster(): Promise<{ pid: number }> {
    const dataDir = await readFile(join(home, "postgres", "location"), "utf8");
    const [pid = ""] = (await readFile(join(dataDir, "postmaster.pid"), "utf8")).split("\n");
    return { pid: Number(pid) };
  }
});

describe("with a database of its own", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  test("of two that start at once one node comes up, and both name it", async () => {
    const start = () => rouse(["up", "--json"], { DATABASE_URL: database.url });
    const both = await Promise.all([start(), start()]);
    const { pid } = await nodeFile();
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    for (const { out } of both) expect(JSON.parse(out)).toMatchObject({ node: { pid } });
    expect((await rouse(["down", "--keep-database"])).code).toBe(0);
  });

  test("a port in use is named, and nothing stays behind", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
    const { port } = other.address() as AddressInfo;
    const { code, out, err } = await rouse(["up", "--port", String(port)], { DATABASE_URL: database.url });
    other.close();
    expect({ code, out }).toEqual({ code: 7, out: "" });
    expect(err).toMatch(
      new RegExp(`\\nerror: port ${port} on 127.0.0.1 is in use \\(port_in_use\\)\\nnext: `),
    );
    expect(await rouse(["status"])).toMatchObject({ code: 7 });
  }, 60_000);

  test("files with secrets are the owner's alone", async () => {
    expect(await rouse(["up"], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
    for (const name of ["node.json", "operator.token", "node.log"])
      expect([name, (await stat(join(home, name))).mode & 0o777]).toEqual([name, 0o600]);
  }, 60_000);

  test("in the foreground it shows its log and how to connect, and drains on SIGTERM", async () => {
    const front = inFront({ DATABASE_URL: database.url });
    await untilShown(front, "agent connect codex");
    const node = await nodeFile();
    front.kill("SIGTERM");
    const [code] = (await once(front, "close")) as [number | null];
    expect(code).toBe(0);
    expect(isSameProcess(node)).toBe(false);
  }, 60_000);

  function inFront(environment: NodeJS.ProcessEnv): ChildProcess {
    const program = fileURLToPath(new URL("../../../api/cli/main.ts", import.meta.url));
    return spawn(process.execPath, ["--no-warnings", program, "up", "--foreground"], {
      env: { PATH: process.env["PATH"], ROUSE_HOME: home, ROUSE_PORT: "0", ...environment },
      stdio: ["ignore", "ignore", "pipe"],
    });
  }

  function untilShown({ stderr }: ChildProcess, text: string): Promise<void> {
    let shown = "";
    return new Promise((resolve, reject) => {
      stderr?.on("data", (chunk: Buffer) => {
        shown += chunk.toString();
        if (shown.includes(text)) resolve();
      });
      stderr?.once("close", () => reject(new Error(`it ended and showed only: ${shown}`)));
    });
  }
});

describe("what keeps a node from starting is said", () => {
  test("a home that cannot be written", async () => {
    const { code, err } = await runProcess(["up"], { environment: { ROUSE_HOME: "/dev/null/home" } });
    expect(code).toBe(7);
    expect(err).toMatch(
      /error: cannot write \/dev\/null\/home\/node\.log: .*\(directory_not_writable\)\nnext: /,
    );
  });

  test("a configuration that is wrong", async () => {
    await writeFile(join(home, "config.json"), '{"port": "many"}');
    const { code, err } = await rouse(["up"], { ROUSE_PORT: undefined });
    expect(code).toBe(2);
    expect(err).toContain("the configuration is not valid (port: ");
  }, 90_000);

  test("a database that is not there, with the last lines of the log", async () => {
    const { code, err } = await rouse(["up", "--json"], { DATABASE_URL: "postgres://u:p@127.0.0.1:9/x" });
    expect(code).toBe(6);
    const report = JSON.parse(err) as Record<string, unknown>;
    expect(report).toMatchObject({ code: "database_unavailable", details: { log: join(home, "node.log") } });
  }, 60_000);
});
