import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { runHere } from "../cli/stage.ts";
import { RealNode, until } from "./real-node.ts";

/** One secret per way in, each of a form that no pattern knows. */
const canaries = {
  databasePassword: "canaryalpha0001",
  nodeVariable: "canarybravo0002",
  agentVariable: "canarycharlie0003",
  header: "canarydelta0004",
  bodyToken: "canaryecho0005",
};
const role = `canary_${process.pid}`;

let testDatabase: TestDatabase;
let database: Database;
let node: RealNode;
let token: string;
let answers = "";

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url, max: 1 });
  await database.sql.unsafe(`create role ${role} superuser login password '${canaries.databasePassword}'`);
  node = await RealNode.start({
    databaseUrl: canariedUrl(),
    workspace: "canary",
    config: { logLevel: "debug", logMaxBytes: 65_536 },
    environment: { SOME_API_KEY: canaries.nodeVariable },
  });
  await plant();
}, 60_000);
afterAll(async () => {
  await node.end("bob");
  await node.remove();
  // What it owns goes with the database.
  await database.sql.unsafe(`reassign owned by ${role} to current_user`);
  await database.sql.unsafe(`drop role ${role}`);
  await database.close();
  await testDatabase.drop();
});

/** Every way in: headers, bodies, definitions, refusals, and a database that breaks connections. */
async function plant(): Promise<void> {
  token = await node.tokenFor("ann");
  await node.launch("bob", { BOB_API_KEY: canaries.agentVariable });
  const say = async (method: string, path: string, more: object): Promise<void> => {
    answers += JSON.stringify(await node.call(method, path, more));
  };
  await say("POST", "/v1/threads", { body: { thread_id: "th-1", title: "x", participants: ["bob", "ann"] } });
  await say("GET", "/v1/status", { token: canaries.header });
  await say("GET", "/v1/status", { headers: { "x-api-key": canaries.header, traceparent: canaries.header } });
  await say("GET", `/v1/nowhere?access_token=${canaries.header}`, {});
  await say("POST", "/v1/threads/th-1/messages", { token, body: { body: "x", token: canaries.bodyToken } });
  await say("PUT", "/v1/agents/eve", {
    body: { kind: "generic", definition: { env: { K: canaries.bodyToken } } },
  });
  await say("PUT", "/v1/agents/eve", {
    body: { kind: "generic", definitions: { env: { K: canaries.bodyToken } } },
  });
  await say("POST", "/v1/threads/th-1/messages", { token, body: { body: "Hello" } });
  await until("the wake was read", async () => (await node.metrics()).includes('outcome="read"'));
  await database.sql`
    select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
  await until("the broken connections were noticed", async () =>
    (await node.metrics()).includes('rouse_database_up{workspace="canary"} 1'),
  );
  answers += await node.metrics();
}

async function rouse(...args: string[]): Promise<string> {
  const environment = { PATH: process.env["PATH"], ROUSE_HOME: node.home, DATABASE_URL: canariedUrl() };
  const { out, err } = await runHere(args, { environment }, Date.now);
  return out + err;
}

function canariedUrl(): string {
  const url = new URL(testDatabase.url);
  url.username = role;
  url.password = canaries.databasePassword;
  return url.href;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

const found = (text: string, allowed: readonly string[] = []): string[] =>
  [...Object.values(canaries), token].filter((secret) => !allowed.includes(secret) && text.includes(secret));

/** The text of every row of every table. */
async function tables(): Promise<Map<string, string>> {
  const names = await database.sql`select tablename from pg_tables where schemaname = 'rouse'`;
  const texts = new Map<string, string>();
  for (const row of names) {
    const name = row["tablename"] as string;
    const rows = await database.sql.unsafe(`select t::text as text from rouse.${name} t`);
    texts.set(name, rows.map((each) => String(each["text"])).join("\n"));
  }
  return texts;
}

describe("a planted secret", () => {
  test("stands in no answer and no metric", () => {
    expect(answers.length).toBeGreaterThan(5_000);
    expect(found(answers)).toEqual([]);
  });

  test("stands in no log, with everything logged", () => {
    expect(node.log()).toContain('"level":20');
    const logs = filesBelow(node.home).filter((path) => path.includes("node.log"));
    for (const path of logs) expect([path, found(readFileSync(path, "utf8"))]).toEqual([path, []]);
  });

  test("stands in no table, but the agent's own in its definition", async () => {
    const texts = await tables();
    expect(texts.get("audit")).toContain("register_agent");
    for (const [name, text] of texts) {
      const allowed = name === "agent" ? [canaries.agentVariable] : [];
      expect([name, found(text, allowed)]).toEqual([name, []]);
    }
  });

  test("stands in no file of the home, and reaches no agent's environment but its own", () => {
    for (const path of filesBelow(node.home)) {
      if (statSync(path).size > 5_000_000) continue;
      expect([path, found(readFileSync(path, "utf8"))]).toEqual([path, []]);
    }
    const others = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
    let seen = 0;
    for (const pid of others) {
      const [environment, args] = ["environ", "cmdline"].map((name) => readProc(pid, name));
      expect([pid, found(args ?? "")]).toEqual([pid, []]);
      if (environment?.includes(`BOB_API_KEY=${canaries.agentVariable}`) !== true) continue;
      seen += 1;
      expect(found(environment, [canaries.agentVariable])).toEqual([]);
    }
    expect(seen).toBeGreaterThan(0);
  });

  test("stands in no pane", async () => {
    const terminal = createPtyTerminal({ folder: join(node.home, "terminals", "pty"), clock: systemClock });
    const address = await terminal.find("bob");
    if (address === null) throw new Error("bob's terminal is gone");
    const { lines } = await terminal.view(address);
    expect(lines.join("\n")).toContain("th-1");
    expect(found(lines.join("\n"))).toEqual([]);
    await terminal.close();
  });

  test("stands in nothing that the command line prints", async () => {
    const commands = [
      "config",
      "status",
      "explain bob",
      "agent list",
      "audit list",
      "tokens list",
      "journal",
    ];
    const printed: string[] = [];
    for (const command of commands) {
      printed.push(await rouse(...command.split(" ")), await rouse(...command.split(" "), "--json"));
    }
    expect(printed.join("\n")).toContain("register_agent");
    for (const text of printed) expect(found(text)).toEqual([]);
  });

  test("needs no log without end: a full one is put aside, and every line is in one or the other", async () => {
    const ids: string[] = [];
    while (!existsSync(join(node.home, "node.log.1"))) {
      const id = `rotation-${ids.length}`;
      await node.call("GET", "/v1/threads/th-none", { headers: { "x-request-id": id } });
      ids.push(id);
    }
    const logs = ["node.log.1", "node.log"]
      .map((name) => readFileSync(join(node.home, name), "utf8"))
      .join("");
    const missing = ids.filter((id) => !logs.includes(`"request_id":"${id}"`));
    expect(missing).toEqual([]);
  });

  test("would be found, were it there", () => {
    expect(found(`x ${canaries.header} y`)).toEqual([canaries.header]);
  });
});

function readProc(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
