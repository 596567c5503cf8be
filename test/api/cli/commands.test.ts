import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { eventShape } from "../../../api/operations/event-view.ts";
import { createStage, runProcess, writeNodeFile, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
});
afterEach(() => stage.close());

const rouse = (...args: string[]) => stage.rouse(args);
const json = async (...args: string[]): Promise<Record<string, unknown>> => {
  const { code, out, err } = await stage.rouse([...args, "--json"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Record<string, unknown>;
};
const createThread = () => rouse("thread", "create", "Review", "-p", "ann", "bob", "--id", "th-1");

describe("threads", () => {
  test("go through their life: create, post, read, acknowledge, block, unblock, resolve, reopen, close", async () => {
    expect(await createThread()).toMatchObject({ code: 0, err: "" });
    expect((await rouse("thread", "post", "th-1", "Look\nat this.", "--to", "bob")).out).toBe(
      "Posted #1 in th-1, for bob.\n",
    );
    expect((await stage.rouse(["thread", "post", "th-1"], { input: "from a pipe" })).out).toBe(
      "Posted #2 in th-1, for ann, bob.\n",
    );
    const { out } = await rouse("thread", "read", "th-1");
    expect(out).toMatch(/^#1 operator → bob {2}\S+\n {2}Look\n {2}at this\.\n\n#2 operator/);
    const bob = await stage.served.token("bob");
    expect((await rouse("--token", bob, "thread", "ack", "th-1", "2")).out).toBe(
      "Read up to #2; 0 unread.\n",
    );
    for (const [command, shown] of [
      ["block", "is blocked (was active)"],
      ["unblock", "is active (was blocked)"],
      ["resolve", "is resolved (was active)"],
      ["reopen", "is active (was resolved)"],
      ["close", "is closed (was active)"],
    ] as const) {
      expect((await rouse("thread", command, "th-1", "--reason", "because")).out).toContain(shown);
    }
    expect(await rouse("thread", "post", "th-1", "too late")).toMatchObject({ code: 5, out: "" });
  });

  test("print the node's answer as it is with --json", async () => {
    await createThread();
    expect(await json("thread", "show", "th-1")).toMatchObject({
      schema_version: 1,
      thread: { title: "Review" },
    });
    expect(await json("thread", "list", "--status", "active")).toMatchObject({
      threads: [{ thread_id: "th-1" }],
    });
    expect(await json("thread", "summary", "th-1")).toMatchObject({ thread_id: "th-1", untrusted: true });
  });

  test("page with a cursor", async () => {
    for (const id of ["th-1", "th-2", "th-3"]) await rouse("thread", "create", "x", "--id", id);
    const first = await rouse("thread", "list", "--limit", "2");
    const cursor = /--cursor (\S+)\n$/.exec(first.out)?.[1] ?? "";
    const second = await rouse("thread", "list", "--limit", "2", "--cursor", cursor);
    const shown = [...`${first.out}${second.out}`.matchAll(/^th-\d/gm)].map(([id]) => id);
    expect(shown.toSorted()).toEqual(["th-1", "th-2", "th-3"]);
  });

  test("cannot write on the terminal in the name of others", async () => {
    await rouse("thread", "create", "x\u202Ey", "--id", "th-1", "-p", "bob");
    await rouse("thread", "post", "th-1", "\x1b]0;owned\x07\x1b[2Jhi\n#9 operator  fake");
    const { out } = await rouse("thread", "read", "th-1");
    expect(out).not.toMatch(/[\x1b\x07]/);
    expect(out).toContain("\n  #9 operator  fake");
    expect((await rouse("thread", "list")).out).toContain("xy");
  });
});

describe("participants", () => {
  beforeEach(createThread);

  test("are shown, added, triggered, blocked, unblocked and overridden with a reason", async () => {
    expect((await rouse("participant", "show", "th-1", "bob")).out).toMatch(/attention {2}caughtUp/);
    expect((await rouse("participant", "add", "th-1", "cal")).out).toBe(
      "cal takes part in th-1 (0 unread).\n",
    );
    expect((await rouse("participant", "trigger", "th-1", "cal")).out).toMatch(
      /^cal: blocked \(unmanaged\), trace /,
    );
    const { out } = await rouse("participant", "block", "th-1", "bob", "--reason", "on holiday");
    expect(out).toBe("bob in th-1: blocked (was caughtUp).\n");
    expect((await rouse("participant", "list", "--attention", "blocked")).out).toMatch(
      /^th-1 +bob +blocked/m,
    );
    expect((await rouse("participant", "override", "th-1", "bob", "--reason", "back")).code).toBe(0);
    expect(await rouse("participant", "show", "th-1", "zoe")).toMatchObject({ code: 3 });
    expect((await stage.world.audit()).map(({ reason }) => reason)).toContain("on holiday");
  });

  test("are explained: sentence first, then path and guards", async () => {
    const { out } = await rouse("explain", "th-1", "bob");
    expect(out.split("\n")[0]).toBe("bob in th-1 has read everything addressed to it.");
    expect(out).toMatch(/attention\.caughtUp — /);
    expect(out).toMatch(/^ {2}thread_status +active$/m);
    expect((await json("explain", "bob"))["explanations"]).toHaveLength(1);
  });
});

describe("agents, runtimes and switches", () => {
  test("an agent is registered from a definition or a file of it", async () => {
    const file = join(stage.home, "definition.json");
    await writeFile(file, '{"command": ["cat"], "cwd": "/"}');
    expect((await rouse("agent", "register", "bob", "--definition", `@${file}`)).out).toMatch(
      /^Agent bob is started/,
    );
    expect((await rouse("agent", "list")).out).toMatch(/^bob +generic +here +yes/m);
    const broken = await rouse("agent", "register", "bob", "--definition", "{argv: 1}");
    expect(broken).toMatchObject({ code: 2 });
    expect(broken.err).toContain("not JSON");
    expect(await rouse("agent", "register", "bob", "--definition", "@/nowhere")).toMatchObject({ code: 2 });
  });

  test("a runtime is attached, shown, and ended", async () => {
    await rouse("runtime", "register", "bob", "--mode", "attach", "--pid", "42", "--id", "rt-1");
    await stage.world.settle();
    expect((await rouse("runtime", "list")).out).toMatch(/^rt-1 +bob .*unmanaged/m);
    expect((await rouse("runtime", "show", "rt-1")).out).toMatch(/^management +unmanaged$/m);
    expect(await rouse("runtime", "attach", "rt-1")).toMatchObject({ code: 5, out: "" });
    expect(await rouse("runtime", "show", "rt-2")).toMatchObject({ code: 4 });
  });

  test("the red switch is shown in the status until it is taken back", async () => {
    await rouse("thread", "create", "x", "--id", "th-1");
    await rouse("pause", "--reason", "demonstration");
    expect((await rouse("status")).out).toContain("Injection is paused in the whole workspace.");
    await rouse("resume", "--reason", "over");
    const report = await json("status");
    expect(report).toMatchObject({
      database: "ready",
      workspace: { injection: "open", threads: { active: 1, closed: 0 } },
    });
  });

  test("evidence is listed", async () => {
    await createThread();
    expect((await rouse("audit")).out).toMatch(/operator \(operator\) +create_thread +thread\/th-1 +done/);
    expect((await rouse("journal", "thread/th-1")).out).toMatch(/thread\/th-1 +1 +actor\.created/);
    expect((await rouse("wake", "list")).out).toBe("No wakes.\n");
    expect((await rouse("dead-letters")).out).toBe("No dead letters.\n");
  });
});

describe("events", () => {
  test("are listed, of one thread or type, and in pages", async () => {
    await createThread();
    await rouse("thread", "create", "Other", "--id", "th-2");
    const { out } = await rouse("events", "--thread", "th-1");
    expect(out).toMatch(/thread\.created +th-1 .*created_by=operator/);
    expect(out).not.toContain("th-2");
    const first = await rouse("events", "--limit", "1", "--types", "thread.created");
    const cursor = /--cursor (\S+)\n$/.exec(first.out)?.[1] ?? "";
    expect((await rouse("events", "--cursor", cursor, "--types", "thread.created")).out).toContain("th-2");
    expect(await rouse("events", "--types", "thread.exploded")).toMatchObject({ code: 2, out: "" });
  });

  test("are followed as lines until the node refuses", async () => {
    await createThread();
    const issued = await json("token", "issue", "--agent", "ann");
    const asAnn = { environment: { ROUSE_TOKEN: String(issued["token"]) } };
    const { store } = stage.world;
    const look = store.journalHorizon.bind(store);
    let looks = 0;
    store.journalHorizon = () => ((looks += 1), look());
    const following = stage.rouse(["events", "--follow", "--after", "0", "--json"], asAnn);
    await rouse("thread", "post", "th-1", "Look");
    await stage.world.settle();
    // Only somebody who follows looks again and again.
    await expect.poll(() => looks).toBeGreaterThan(2);
    await rouse("token", "revoke", String(issued["jti"]), "--reason", "lost");
    await stage.world.clock.advance(5_000);
    const { code, out, err } = await following;
    const events = out
      .trimEnd()
      .split("\n")
      .map((line) => eventShape.parse(JSON.parse(line)));
    expect(events.map(({ type }) => type)).toContain("thread.created");
    expect(code).toBe(3);
    expect(err).toContain("token_revoked");
  });
});

describe("tokens", () => {
  test("are printed alone, speak for their agent, and are refused once revoked", async () => {
    const issued = await json("token", "issue", "--agent", "bob", "--ttl", "1h");
    const { out } = await rouse("token", "issue", "--agent", "bob");
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const asBob = { environment: { ROUSE_TOKEN: String(issued["token"]) } };
    expect(await stage.rouse(["thread", "list"], asBob)).toMatchObject({ code: 0, out: "No threads.\n" });
    expect(await stage.rouse(["audit"], asBob)).toMatchObject({ code: 3 });
    await rouse("token", "revoke", String(issued["jti"]), "--reason", "lost");
    const refused = await stage.rouse(["thread", "list"], asBob);
    expect(refused).toMatchObject({ code: 3, out: "" });
    expect(refused.err).toContain("(token_revoked)");
  });

  test("are shown once, also when the command is repeated with its idempotency key", async () => {
    const args = ["token", "issue", "--agent", "bob", "--idempotency-key", "k-1"];
    expect((await rouse(...args)).code).toBe(0);
    expect(await rouse(...args)).toMatchObject({ code: 5, out: "" });
  });

  test("of the operator that is missing or empty says what to do", async () => {
    const path = join(stage.home, "operator.token");
    await writeFile(path, "");
    expect((await rouse("status")).err).toMatch(
      /empty \(unauthenticated\)\nnext: Run rouse down, then rouse up/,
    );
    await rm(path);
    const { code, err } = await rouse("status");
    expect(code).toBe(3);
    expect(err).toContain(path);
  });

  test("of the operator that is refused points to a restart", async () => {
    await writeFile(join(stage.home, "operator.token"), "a.b.c");
    expect((await rouse("status")).err).toMatch(/\(unauthenticated\)\nnext: .*rouse down, then rouse up/);
  });

  test("of the operator never go to an address that somebody named", async () => {
    const elsewhere = await stage.rouse(["status", "--url", "http://127.0.0.1:9"]);
    expect(elsewhere).toMatchObject({ code: 3 });
    expect(elsewhere.err).toContain("no token for http://127.0.0.1:9");
    for (const url of [`${stage.served.url}/`, `${stage.served.url}/mcp`])
      expect(await stage.rouse(["status"], { environment: { ROUSE_URL: url } })).toMatchObject({ code: 0 });
  });
});

describe("a change that is repeated with its idempotency key", () => {
  test("is made once", async () => {
    await createThread();
    const post = ["thread", "post", "th-1", "once", "--idempotency-key", "k-1"];
    const [first, second] = [await rouse(...post), await rouse(...post)];
    expect(second).toEqual(first);
    expect(await json("thread", "read", "th-1")).toMatchObject({ head_seq: 1 });
    expect(await rouse("thread", "post", "th-1", "other", "--idempotency-key", "k-1")).toMatchObject({
      code: 5,
    });
  });
});

describe("no node", () => {
  test("is said with the next step, for people and for programs", async () => {
    await rm(join(stage.home, "node.json"));
    expect(await rouse("status")).toEqual({
      code: 7,
      out: "",
      err: `error: no node is running for ${stage.home} (not_running)\nnext: Run rouse up.\n`,
    });
    const { code, out, err } = await rouse("status", "--json");
    expect({ code, out }).toEqual({ code: 7, out: "" });
    expect(JSON.parse(err)).toMatchObject({
      code: "not_running",
      retryable: true,
      next_step: "Run rouse up.",
    });
  });

  test("is noticed when the file names a process that ended, or one that got its number", async () => {
    await writeNodeFile(stage.home, { url: stage.served.url, pid: 2 ** 22 + 1 });
    expect((await rouse("status")).err).toContain("has ended without a goodbye");
    await writeNodeFile(stage.home, { url: stage.served.url, pid: process.pid, pidStartedAt: "1" });
    expect(await rouse("status")).toMatchObject({ code: 7 });
    await writeFile(join(stage.home, "node.json"), '{"url": ');
    expect(await rouse("status")).toMatchObject({ code: 7 });
    expect((await rouse("down", "--keep-database")).out).toBe("No node is running.\n");
  });

  test("at an address is said too", async () => {
    const { code, err } = await rouse("thread", "list", "--url", "http://127.0.0.1:9", "--token", "t");
    expect(code).toBe(7);
    expect(err).toMatch(/^error: no node answers at http:\/\/127\.0\.0\.1:9 .*\(not_running\)\nnext: /);
    expect(await rouse("thread", "list", "--url", "ftp://x")).toMatchObject({ code: 2 });
  });
});

describe("down", () => {
  let stubborn: ChildProcess;
  beforeEach(async () => {
    stubborn = spawn(process.execPath, [
      "-e",
      "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1e6)",
    ]);
    await once(stubborn.stdout ?? stubborn, "data");
  });
  afterEach(async () => {
    stubborn.kill("SIGKILL");
    await once(stubborn, "close");
  });

  test("says when the node takes longer than one will wait", async () => {
    await writeNodeFile(stage.home, { pid: stubborn.pid ?? 0 });
    const { code, err } = await rouse("down", "--keep-database", "--timeout", "100ms");
    expect(code).toBe(6);
    expect(err).toMatch(/still drains after 0\.1 s \(draining\)\nnext: /);
  });

  test("never signals a process that only has the node's number", async () => {
    stubborn.kill("SIGKILL");
    await once(stubborn, "close");
    stubborn = spawn("sleep", ["60"]);
    await once(stubborn, "spawn");
    await writeNodeFile(stage.home, { pid: stubborn.pid ?? 0, pidStartedAt: "1" });
    expect((await rouse("down", "--keep-database")).out).toBe("No node is running.\n");
    expect([stubborn.exitCode, stubborn.signalCode]).toEqual([null, null]);
  });
});

describe("what answers and is no node", () => {
  const stranger = createServer((_request, response) => response.end("<html>hello</html>"));
  beforeAll(() => new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve)));
  afterAll(() => stranger.close());

  test("is not taken for one", async () => {
    const { port } = stranger.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const { code, err } = await rouse("thread", "list", "--url", url, "--token", "t");
    expect(code).toBe(1);
    expect(err).toContain(`what answers at ${url} is no node of Rouse (HTTP 200)`);
  });
});

describe("wrong usage", () => {
  test.each([
    [["frob"], "unknown command 'frob'"],
    [["thread"], "rouse thread needs a command"],
    [["thread", "frob"], "unknown command 'frob'"],
    [["thread", "show"], "missing required argument 'thread'"],
    [["thread", "show", "a", "b"], "too many arguments"],
    [["thread", "close", "th-1"], "required option '--reason <text>' not specified"],
    [["thread", "list", "--status", "odd"], "Allowed choices are active"],
    [["thread", "list", "--limit", "0"], "whole number from 1 to 100"],
    [["thread", "ack", "th-1", "x"], "whole number"],
    [["token", "issue", "--agent", "a", "--ttl", "soon"], "a time such as"],
    [["up", "--port", "70000"], "from 0 to 65535"],
    [["completion", "tcsh"], "no completion for tcsh"],
    [["machine", "export", "x"], "no chart of kind x"],
    [["thread", "post", "th-1"], "no text to post"],
  ])("%j exits 2 and says why", async (args, why) => {
    const { code, out, err } = await rouse(...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(why);
    expect(err).toMatch(/^error: .*\(invalid_input\)\nnext: /);
  });

  test("shows the usage to people and JSON to programs", async () => {
    expect((await rouse("thread", "show")).err).toMatch(/\nusage: rouse thread show \[options\] <thread>\n$/);
    const { err } = await rouse("thread", "show", "--json");
    expect(JSON.parse(err)).toMatchObject({
      code: "invalid_input",
      next_step: "See rouse thread show --help.",
    });
  });
});

describe("without a node", () => {
  test("machines are exported in every form", async () => {
    const chart = JSON.parse((await rouse("machine", "export", "thread")).out) as Record<string, unknown>;
    expect(chart).toMatchObject({ id: "thread" });
    expect((await rouse("machine", "export", "participant", "--format", "mermaid")).out).toMatch(
      /^stateDiagram-v2/,
    );
    const file = join(stage.home, "runtime.ts");
    const { code, out } = await rouse("machine", "export", "runtime", "--format", "code", "-o", file);
    expect({ code, out }).toEqual({ code: 0, out: "" });
    expect(await readFile(file, "utf8")).toContain("createMachine(");
    expect(await rouse("machine", "export", "thread", "-o", "/nowhere/x")).toMatchObject({ code: 7 });
  });

  test("the configuration is shown, or what is wrong with it", async () => {
    const environment = { DATABASE_URL: "postgres://ann:hunter2@db/rouse", ROUSE_PORT: "8000" };
    const { out } = await stage.rouse(["config"], { environment });
    expect(out).toMatch(/^port +8000$/m);
    expect(out).toMatch(/^wake\.ackTimeoutMs +8000$/m);
    expect(out).not.toContain("hunter2");
    const wrong = await stage.rouse(["config"], { environment: { ROUSE_PORT: "many" } });
    expect(wrong).toMatchObject({ code: 2, out: "" });
  });

  test("help and version are answers, not errors", async () => {
    const help = await rouse("--help");
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(await rouse()).toEqual(help);
    expect((await rouse("thread", "post", "--help")).out).toMatch(/Examples:\n {2}\$ rouse thread post/);
    expect((await rouse("--version")).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe("as a process of its own", () => {
  test("it prints, reads standard input, and ends with the error's code", async () => {
    const environment = { ROUSE_HOME: stage.home };
    await createThread();
    const posted = await runProcess(["thread", "post", "th-1", "-"], { environment, input: "piped" });
    expect(posted).toEqual({ code: 0, out: "Posted #1 in th-1, for ann, bob.\n", err: "" });
    const missing = await runProcess(["thread", "show", "nope"], { environment });
    expect(missing).toMatchObject({ code: 4, out: "" });
    expect(missing.err).toContain("there is no thread nope (thread_not_found)");
  });
});
