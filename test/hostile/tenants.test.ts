import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../api/operations/list.ts";
import type { Role } from "../../machines/roles.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { peeking, plant } from "./planted.ts";
import { canary, seed, type KnownValues } from "./seed.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";
import { crossWall, probesOf, unsortedFields, type Finding, type Probe, type Worlds } from "./tenants.ts";
import type { Surface } from "./surfaces.ts";

describe("two workspaces behind one server", () => {
  const databases: TestDatabase[] = [];
  let worlds: Worlds;
  let foreign: KnownValues;
  const open = async (): Promise<HostileStage> => {
    const database = await createTestDatabase();
    databases.push(database);
    return openStage(database.url);
  };
  beforeAll(async () => {
    const [withA, withoutA] = await Promise.all([open(), open()]);
    worlds = { withA, withoutA };
    foreign = await seed(withA.a, "a");
    // Rows of B must not take the numbers that A's have in the other world.
    await withoutA.state.skipNumbers(1_000_000);
    await issueAll(withA.b, withoutA.b);
  });
  afterAll(async () => {
    await Promise.all([worlds.withA.close(), worlds.withoutA.close()]);
    await Promise.all(databases.map(({ drop }) => drop()));
  });

  const cross = async (probes: Probe[], role: Role, surface: Surface): Promise<Finding[]> => {
    const findings: Finding[] = [];
    for (const probe of probes)
      findings.push(...(await crossWall(worlds, probe, { role, surface, foreign })));
    return findings;
  };

  test("every field of every operation is known to belong to a tenant or to nobody", () => {
    const unsorted = operations.map((operation) => [operation.name, unsortedFields(operation)]);
    expect(unsorted.filter(([, fields]) => fields?.length !== 0)).toEqual([]);
  });

  test.each([
    ["operator", "rest"],
    ["participant", "mcp"],
    ["auditor", "mcp"],
  ] as const)(
    "a %s of one asks over %s about what is the other's, and hears what is said of things that do not exist",
    { timeout: 120_000 },
    async (role, surface) => {
      const findings = await cross(operations.flatMap(probesOf), role, surface);
      expect(findings.map(({ probe, complaint }) => `${probe}: ${complaint}`).join("\n\n")).toBe("");
    },
  );

  test("a stream of one shows nothing of the other, wherever it is told to begin", async () => {
    const { withA } = worlds;
    const token = await withA.b.token("operator");
    const open = (query: string, headers: Record<string, string> = {}) =>
      fetch(`${withA.url}/v1/events${query}`, { headers: { authorization: `Bearer ${token}`, ...headers } });
    const streams = await Promise.all([open("?after=0"), open("", { "last-event-id": "1" })]);
    await withA.a.call("create_thread", "operator", { title: canary, participants: ["ann"] });
    await withA.b.call("create_thread", "operator", { title: "own", thread_id: "th-own" });
    await Promise.all([withA.a.settle(), withA.b.settle()]);
    for (const stream of streams) {
      const seen = await readUntil(stream, "th-own");
      const threads = await withA.state.threadsOf(withA.a.id);
      expect(threads.filter((id) => id !== foreign["thread_id"] && seen.includes(id))).toEqual([]);
      expect(seen).not.toContain(canary);
    }
    const refused = await open("?thread_id=th-nowhere");
    expect(refused.status).toBe(404);
    await refused.body?.cancel();
  });

  test("finds an operation that looks across the wall", { timeout: 90_000 }, async () => {
    const remove = plant({
      operation: "get_thread",
      changes: peeking(worlds.withA.b.store, worlds.withA.a.store),
    });
    try {
      const operation = operations.filter(({ name }) => name === "get_thread");
      const found = await cross(operation.flatMap(probesOf), "operator", "rest");
      expect(found.map(({ complaint }) => complaint.split(":")[0])).toEqual(
        expect.arrayContaining(["answers differ", "what is A's stands in B's answer"]),
      );
    } finally {
      remove();
    }
  });
});

/** What a stream carries up to the first event that says this. Ends the stream. */
async function readUntil({ body }: Response, word: string): Promise<string> {
  let seen = "";
  const decoder = new TextDecoder();
  for await (const part of body ?? []) {
    seen += decoder.decode(part as Uint8Array, { stream: true });
    if (seen.includes(word)) break;
  }
  return seen;
}
