import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { auditHash, type AuditRecord } from "../../../runtime/audit-chain.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
  process.exitCode = undefined;
});
afterEach(() => {
  process.exitCode = undefined;
  return stage.close();
});

const rouse = (...args: string[]) => stage.rouse(["audit", ...args]);
const json = async (...args: string[]) =>
  JSON.parse((await rouse(...args, "--json")).out) as Record<string, unknown>;
const seal = () => stage.world.store.sealAudit({ limit: 9_999 });

/** create_thread and posts, and one refusal. */
async function happen(posts: number): Promise<void> {
  await stage.rouse(["thread", "create", "Review", "-p", "bob", "--id", "th-1"]);
  for (let post = 1; post <= posts; post += 1) await stage.rouse(["thread", "post", "th-1", `text ${post}`]);
  const bob = await stage.served.token("bob");
  await stage.rouse(["--token", bob, "thread", "close", "th-1", "--reason", '=1+1, "done"']);
}

test("audit lists newest first, and finds by each filter", async () => {
  await happen(2);
  expect((await rouse()).out).toMatch(/ID +AT +WHO.*\n.*bob \(participant\) +update_thread_status/);
  const count = async (...args: string[]) => ((await json("list", ...args))["entries"] as unknown[]).length;
  expect(await count()).toBe(4);
  expect(await count("--actor", "bob")).toBe(1);
  expect(await count("--operation", "post_message")).toBe(2);
  expect(await count("--subject", "thread/th-1", "--outcome", "done")).toBe(3);
  expect(await count("--code", "transition_refused")).toBe(1);
  await stage.world.clock.advance(60_000);
  expect(await count("--since", "30s")).toBe(0);
  expect(await count("--since", "2m", "--until", "30s")).toBe(4);
  expect(await count("--until", new Date(stage.world.clock.now()).toISOString())).toBe(4);
  expect(await rouse("list", "--since", "yesterday")).toMatchObject({ code: 2 });
});

test("audit show tells what changed, and the place in the chain", async () => {
  await happen(1);
  const [entry] = (await json("list", "--operation", "post_message"))["entries"] as { audit_id: string }[];
  const shown = async () => (await rouse("show", entry?.audit_id ?? "")).out;
  expect(await shown()).toMatch(/thread\/th-1 head_seq +0 +1/);
  expect(await shown()).toContain("not sealed yet");
  await seal();
  expect(await shown()).toMatch(/chain +2:[0-9a-f]{64}/);
  expect(await rouse("show", "999999")).toMatchObject({ code: 4 });
});

describe("verify", () => {
  test("says that the chain holds, with what waits to be sealed and how old it is", async () => {
    await happen(2);
    await seal();
    await stage.rouse(["thread", "post", "th-1", "late"]);
    await stage.world.clock.advance(90_000);
    const { code, out } = await rouse("verify");
    expect({ code, exit: process.exitCode }).toEqual({ code: 0, exit: undefined });
    expect(out).toMatch(
      /^The chain holds: 4 rows\.\nNot sealed yet: 1, the oldest 1m 30s old\.\nCheckpoint: 4:/,
    );
    expect(await json("verify")).toMatchObject({ holds: true, checked: 4, anchor: null, problems: [] });
  });

  test("holds the chain against an anchor, and goes on from a checkpoint", async () => {
    await happen(1);
    await seal();
    const { anchor } = await json("head");
    expect(anchor).toMatch(/^3:/);
    await stage.rouse(["thread", "post", "th-1", "more"]);
    await seal();
    expect((await rouse("verify", "--anchor", String(anchor))).out).toContain("The anchor is in it.");
    expect(await json("verify", "--from", String(anchor))).toMatchObject({ holds: true, checked: 1 });
    expect(process.exitCode).toBeUndefined();
    const { out } = await rouse("verify", "--anchor", "f".repeat(64));
    expect(out).toContain("The chain does not hold: the anchor's hash is not in what was checked");
    expect(process.exitCode).toBe(1);
  });

  test("is refused to those who may not read the audit", async () => {
    const lead = await stage.served.token("lead", "coordinator");
    expect(await stage.rouse(["--token", lead, "audit", "verify"])).toMatchObject({ code: 3 });
  });
});

describe("export", () => {
  const exported = async (...args: string[]) => {
    const file = join(stage.home, "audit.jsonl");
    const { code, err } = await rouse("export", "--output", file, ...args);
    expect({ code, err }).toMatchObject({ code: 0 });
    return { file, err, lines: (await readFile(file, "utf8")).trimEnd().split("\n") };
  };

  test("writes all pages in the order of the chain, says how far it is, and can be checked without a node", async () => {
    await stage.world.store.transaction(async (tx) => {
      for (let row = 0; row < 2_100; row += 1)
        await tx.appendAudit({
          ...{ actor: "ann", role: "operator", operation: "o", subject: `s-${row}`, outcome: "done" },
          ...{ code: null, reason: null, details: null, changes: [], requestId: null },
        });
    });
    await seal();
    const { file, err, lines } = await exported();
    expect(lines).toHaveLength(2_100);
    expect(err).toBe("1000 rows …\n2000 rows …\nExported 2100 rows.\n");
    const verified = await rouse("verify", "--file", file, "--url", "http://127.0.0.1:1");
    expect(verified.out).toMatch(/^The chain holds: 2100 rows\.\nCheckpoint: 2100:/);
    const { anchor } = await json("head");
    expect(await json("verify", "--file", file, "--anchor", String(anchor))).toMatchObject({
      anchor: "found",
    });
    expect(await rouse("export", "--output", file)).toMatchObject({ code: 2 });
  });

  test("leaves out what is not sealed yet, and says so", async () => {
    await happen(1);
    await seal();
    await stage.rouse(["thread", "post", "th-1", "late"]);
    expect((await exported()).err).toBe("Exported 3 rows. 1 not sealed yet were left out.\n");
  });

  type Tamper = (lines: string[]) => string[];
  const tampers: [what: string, seq: number | null, tamper: Tamper][] = [
    ["a changed row", 2, ([a = "", b = "", ...rest]) => [a, b.replace("th-1", "th-2"), ...rest]],
    ["an added field", 1, ([a = "", ...rest]) => [a.replace("{", '{"note":1,'), ...rest]],
    ["rows in another order", 2, ([a = "", b = "", c = "", ...rest]) => [a, c, b, ...rest]],
    ["a doubled row", 1, ([a = "", ...rest]) => [a, a, ...rest]],
    ["a line that is none", null, ([a = "", ...rest]) => [a, "{}", ...rest]],
  ];
  test.each(tampers)("shows %s when the file is checked", async (_what, seq, tamper) => {
    await happen(3);
    await seal();
    const { file, lines } = await exported();
    await writeFile(file, tamper(lines).join("\n"));
    const report = await json("verify", "--file", file);
    expect(report).toMatchObject({ holds: false });
    const problems = report["problems"] as { seq: number | null }[];
    expect(problems.map((problem) => problem.seq)).toContain(seq);
    expect(process.exitCode).toBe(1);
  });

  test("shows a row that was exchanged for another with a hash of its own", async () => {
    await happen(3);
    await seal();
    const { file, lines } = await exported();
    const { hash: _old, ...row } = JSON.parse(lines[1] ?? "") as AuditRecord & { hash: string };
    const forged = { ...row, actor: "eve" };
    lines[1] = JSON.stringify({ ...forged, hash: auditHash(forged) });
    await writeFile(file, lines.join("\n"));
    expect(await json("verify", "--file", file)).toMatchObject({ problems: [{ seq: 3 }] });
  });

  test("of a filter tells that rows were left out between", async () => {
    await happen(3);
    await seal();
    await stage.rouse(["thread", "post", "th-1", "after the refusal"]);
    await seal();
    const { file } = await exported("--operation", "post_message");
    expect(await json("verify", "--file", file)).toMatchObject({ holds: true, checked: 4, gaps: 1 });
  });

  test("as CSV quotes what needs it, and disarms formulas", async () => {
    await happen(1);
    await seal();
    const { out } = await rouse("export", "--format", "csv");
    const [heading, ...rows] = out.split("\r\n");
    expect(heading).toMatch(/^seq,audit_id,at,actor,/);
    expect(rows).toHaveLength(4);
    expect(rows[2]).toContain(`,"'=1+1, ""done""",`);
  });

  test("of a file that is not there is wrong input", async () => {
    expect(await rouse("verify", "--file", join(stage.home, "none"))).toMatchObject({ code: 2 });
  });
});
