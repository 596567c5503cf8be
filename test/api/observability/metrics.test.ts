import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { alertRules, dashboardQueries, offeredBy, problemsOf, type Offered } from "./queries.ts";
import { RealNode, until } from "./real-node.ts";

const doc = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

let database: TestDatabase;
let node: RealNode;
let page: string;
let offered: Offered;

/** A little of everything: a wake that is read, one that is blocked, a loop, refusals, requests without a token. */
async function work(): Promise<void> {
  await node.launch("bob");
  const body = { thread_id: "th-1", title: "Review", participants: ["bob", "cal"] };
  await node.call("POST", "/v1/threads", { body });
  await node.call("POST", "/v1/threads/th-1/messages", { body: { body: "Hello" } });
  await node.call("GET", "/v1/threads/th-none");
  await node.call("GET", "/v1/threads", { token: "none" });
  const ann = await node.tokenFor("ann");
  await node.call("POST", "/v1/threads", {
    token: ann,
    body: { thread_id: "th-2", title: "x", participants: [] },
  });
  for (let n = 0; n < 3; n += 1) {
    const finding = { kind: "finding", body: "The same again" };
    await node.call("POST", "/v1/threads/th-2/messages", { token: ann, body: finding });
  }
  const signs = [
    'rouse_wakes_total{outcome="read",reason="",channel="pty",workspace="metrics"} 1',
    'rouse_loop_guards_total{reason="loopRepeatedFinding",workspace="metrics"} 1',
    // The tables are read every five seconds.
    'rouse_threads{status="blocked",workspace="metrics"} 1',
    'rouse_running_effects{workspace="metrics"} 1',
  ];
  await until("the wake was read, and the thread goes in circles", async () => {
    const shown = await node.metrics();
    return signs.every((sign) => shown.includes(sign));
  });
}

beforeAll(async () => {
  database = await createTestDatabase();
  node = await RealNode.start({ databaseUrl: database.url, workspace: "metrics" });
  await work();
  page = await node.metrics();
  offered = offeredBy(page);
});
afterAll(async () => {
  await node.end("bob");
  await node.remove();
  await database.drop();
});

/** Sum over all series of this name whose labels match. */
function valueOf(name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const lines = page.split("\n").filter((line) => line.startsWith(`${name}{`));
  const matching = lines.filter((line) => wanted.every((each) => line.includes(each)));
  return matching.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

describe("the metrics of a node that has worked", () => {
  test.each<[string, Record<string, string>, number]>([
    ["rouse_messages_posted_total", { kind: "finding" }, 3],
    ["rouse_messages_posted_total", { kind: "message" }, 1],
    ["rouse_message_read_seconds_count", {}, 1],
    ["rouse_wakes_total", { outcome: "read", channel: "pty" }, 1],
    ["rouse_wakes_total", { outcome: "blocked", reason: "unmanaged" }, 1],
    ["rouse_wake_first_byte_seconds_count", { channel: "pty" }, 1],
    ["rouse_wake_submitted_seconds_count", { channel: "pty" }, 1],
    ["rouse_wake_acknowledged_seconds_count", { channel: "pty" }, 1],
    ["rouse_deliveries_total", { port: "deliverWake", verdict: "delivered" }, 1],
    ["rouse_effects_total", { port: "launchTerminal", outcome: "done" }, 1],
    ["rouse_loop_guards_total", { reason: "loopRepeatedFinding" }, 1],
    ["rouse_escalations_total", { reason: "unmanaged" }, 1],
    ["rouse_operations_total", { operation: "get_thread", code: "thread_not_found" }, 1],
    ["rouse_operations_total", { operation: "ack_read", surface: "mcp", code: "ok" }, 1],
    ["rouse_http_requests_total", { status: "401", code: "unauthenticated" }, 1],
    ["rouse_threads", { status: "blocked" }, 1],
    ["rouse_database_up", {}, 1],
    ["rouse_nodes", { state: "live" }, 1],
    ["rouse_running_effects", {}, 1],
  ])("count %s %j", (name, labels, expected) => {
    expect(valueOf(name, labels)).toBe(expected);
  });

  test("tell how long turns, mail, timers, calls and effects took", () => {
    for (const name of [
      "rouse_turn_seconds",
      "rouse_turn_actors",
      "rouse_mail_wait_seconds",
      "rouse_effect_seconds",
    ])
      expect([name, valueOf(`${name}_count`) > 0]).toEqual([name, true]);
    expect(valueOf("rouse_transitions_total", { machine: "participant" })).toBeGreaterThan(3);
    expect(valueOf("rouse_timers_fired_total")).toBeGreaterThan(0);
    expect(valueOf("process_resident_memory_bytes")).toBeGreaterThan(0);
  });

  test("have no label whose values could grow without bound", () => {
    const labels = new Set(
      [...offered].flatMap(([name, own]) => (name.startsWith("rouse_") ? [...own] : [])),
    );
    const allowed = [
      ...[
        "workspace",
        "version",
        "kind",
        "work",
        "machine",
        "result",
        "reason",
        "port",
        "outcome",
        "verdict",
      ],
      ...["operation", "surface", "code", "route", "status", "channel", "means", "state", "le"],
    ];
    expect([...labels].filter((label) => !allowed.includes(label))).toEqual([]);
    for (const id of ["th-1", "bob", "ann", "th-none"]) expect(page).not.toContain(`"${id}`);
  });
});

describe("the dashboard and the alerts", () => {
  test("name only metrics and labels that a node has", () => {
    const queries = dashboardQueries(doc("observability/dashboard.json"));
    expect(queries.length).toBeGreaterThan(40);
    expect(queries.flatMap((query) => problemsOf(query, offered))).toEqual([]);
    const rules = alertRules(doc("observability/alerts.yml"));
    expect(rules.flatMap(({ expr }) => problemsOf(expr, offered))).toEqual([]);
  });

  test("a wrong name, a wrong label and a wrong query are found", () => {
    expect(problemsOf("rate(rouse_mesages_posted_total[5m])", offered)).toHaveLength(1);
    expect(problemsOf("sum by (thread) (rouse_threads)", offered)).toHaveLength(1);
    expect(problemsOf('rouse_threads{state="active"}', offered)).toHaveLength(1);
    expect(problemsOf("rate(rouse_threads[5m]", offered)).not.toEqual([]);
    expect(problemsOf("rate(rouse_turn_seconds[5m])", offered)).toHaveLength(1);
  });

  test("every metric of ours is on the dashboard, so that nothing is measured for nobody", () => {
    const shown = [...dashboardQueries(doc("observability/dashboard.json"))].join("\n");
    const ours = [...offered.keys()].filter((name) => name.startsWith("rouse_"));
    const bases = new Set(ours.map((name) => name.replace(/_(?:bucket|sum|count)$/u, "")));
    expect([...bases].filter((name) => !shown.includes(name))).toEqual([]);
  });

  test("every alert has its first steps in the runbook page", () => {
    const guide = doc("operations/observability.md");
    for (const { alert, annotations, labels } of alertRules(doc("observability/alerts.yml"))) {
      expect(annotations.runbook).toBe(`docs/operations/observability.md#${alert.toLowerCase()}`);
      expect([alert, guide.includes(`### ${alert}\n`)]).toEqual([alert, true]);
      expect(["page", "ticket"]).toContain(labels.severity);
    }
  });
});

describe("who may read /metrics", () => {
  const status = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await fetch(`${node.file.url}${path}`, { headers })).status;

  test("by default whoever is on this machine; what a proxy hands on needs an overseer's token", async () => {
    expect(await status("/metrics", {})).toBe(200);
    expect(await status("/metrics", { "x-forwarded-for": "10.0.0.9" })).toBe(401);
    const proxied = async (role: string) => ({
      "x-forwarded-for": "10.0.0.9",
      authorization: `Bearer ${await node.tokenFor("eve", role)}`,
    });
    expect(await status("/metrics", await proxied("participant"))).toBe(403);
    expect(await status("/metrics", await proxied("auditor"))).toBe(200);
  });
});
