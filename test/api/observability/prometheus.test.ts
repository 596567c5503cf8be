import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { until } from "../../network/until.ts";
import { createTestDatabase } from "../../setup/database.ts";
import { has, Prometheus, promtool } from "./prometheus.ts";
import { alertRules, dashboardQueries } from "./queries.ts";
import { RealNode } from "./real-node.ts";

const path = (name: string): string =>
  fileURLToPath(new URL(`../../../docs/observability/${name}`, import.meta.url));
const rules = alertRules(readFileSync(path("alerts.yml"), "utf8"));
const queries = dashboardQueries(readFileSync(path("dashboard.json"), "utf8"));

/** On a machine that has much else to do. */
const timeout = 240_000;

interface RuleTest {
  name: string;
  promql_expr_test: { exp_samples: unknown[] }[];
}

describe("the alerts", () => {
  test("each have a test in which they fire, and one in which they do not", () => {
    const { tests } = parse(readFileSync(path("alerts.test.yml"), "utf8")) as { tests: RuleTest[] };
    const about = (alert: string, fires: boolean): boolean =>
      tests.some(({ name, promql_expr_test: [only] }) => {
        return name.startsWith(`${alert}:`) && JSON.stringify(only?.exp_samples).includes(alert) === fires;
      });
    const lacking = rules.filter(({ alert }) => !about(alert, true) || !about(alert, false));
    expect(lacking.map(({ alert }) => alert)).toEqual([]);
  });

  test("are taken by Prometheus, and fire when they should and only then", { timeout }, ({ skip }) => {
    if (!has("promtool")) skip("NOT TESTED: promtool is not on this machine");
    expect(promtool("check", "rules", path("alerts.yml"))).toMatchObject({ status: 0 });
    expect(promtool("test", "rules", path("alerts.test.yml"))).toMatchObject({ status: 0 });
  });

  test("are found when a threshold is wrong", { timeout }, ({ skip }) => {
    if (!has("promtool")) skip("NOT TESTED: promtool is not on this machine");
    const folder = mkdtempSync(join(tmpdir(), "rouse-alerts-"));
    try {
      const sound = readFileSync(path("alerts.yml"), "utf8");
      writeFileSync(
        join(folder, "alerts.yml"),
        sound.replace("(rouse_ready_mail_age_seconds) > 10", "(rouse_ready_mail_age_seconds) > 1"),
      );
      copyFileSync(path("alerts.test.yml"), join(folder, "alerts.test.yml"));
      const { status, output } = promtool("test", "rules", join(folder, "alerts.test.yml"));
      expect(status).toBe(1);
      expect(output).toContain("RouseMailWaits");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

/** A wake that is read, one that is blocked, a loop, refusals: what the panels show. */
async function work(node: RealNode, round: number): Promise<void> {
  const ann = await node.tokenFor("ann");
  const [shared, alone] = [`th-${round}`, `th-${round}-loop`];
  const post = (id: string, body: object, token = node.operatorToken) =>
    node.call("POST", `/v1/threads/${id}/messages`, { body, token });
  const thread = { thread_id: shared, title: "Review", participants: ["bob", "cal"] };
  await node.call("POST", "/v1/threads", { body: thread });
  await post(shared, { body: "Hello" });
  await node.call("GET", `/v1/threads/${shared}/messages?after_seq=0`);
  await node.call("GET", "/v1/threads/th-none");
  await node.call("GET", "/v1/threads", { token: "none" });
  await node.call("POST", "/v1/threads", {
    token: ann,
    body: { thread_id: alone, title: "x", participants: [] },
  });
  for (let n = 0; n < 3; n += 1) await post(alone, { kind: "finding", body: `The same ${round}` }, ann);
}

/** Nothing of the kind happens to a healthy node within a minute. */
const restingMetrics =
  /rouse_(?:turn_conflicts|dead_letters|database_errors|node_errors)_total|_idle_transaction_age_seconds|reason!=""/;

test(
  "a real Prometheus evaluates every alert, and answers every question of the dashboard from a real node",
  { timeout },
  async ({ skip }) => {
    if (!has("prometheus")) skip("NOT TESTED: prometheus is not on this machine");
    const database = await createTestDatabase();
    const node = await RealNode.start({ databaseUrl: database.url, workspace: "observed" });
    const prometheus = await Prometheus.start({
      target: new URL(node.file.url).host,
      rules: path("alerts.yml"),
    });
    try {
      await node.launch("bob");
      const asked = queries.map((query) =>
        query
          .replaceAll("$workspace", "observed")
          .replaceAll("$instance", ".*")
          .replaceAll(/\$__rate_interval|\b1h\b/gu, "5m"),
      );
      let round = 0;
      const unanswered = async (): Promise<string[]> => {
        const answers = await Promise.all(
          asked.map(async (query) => [query, await prometheus.values(query)] as const),
        );
        const empty = answers.filter(([, values]) => !values.some(Number.isFinite));
        return empty.map(([query]) => query).filter((query) => !restingMetrics.test(query));
      };
      await until("every question to be answered", 120_000, async () => {
        round += 1;
        await work(node, round);
        // A rate needs one start before the first look and one after it.
        if (round <= 3) await node.launch(`eve-${round}`);
        const left = await unanswered();
        if (left.length > 0) throw new Error(`${left.length} without data:\n${left.join("\n")}`);
        return true;
      });
      const loaded = await prometheus.rules();
      expect(loaded.map(({ name }) => name).toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
      expect(loaded.filter(({ health }) => health !== "ok")).toEqual([]);
    } finally {
      await prometheus.close();
      await node.end("bob").catch(() => {});
      await node.remove();
      await database.drop();
    }
  },
);
