import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { getOperation, operations } from "../../../api/operations/list.ts";
import { runOperation } from "../../../api/operations/run-operation.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

describe.each(storeFixtures())("calls $name", (fixture) => {
  let world: World;
  let ann: Caller;
  let store: Store;
  const clock = new ManualClock();

  beforeEach(async () => {
    store = await fixture.open(clock);
    world = await createWorld(clock, store);
    ann = callerOf(world, "ann");
    await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants: ["bob"] });
  });
  afterAll(() => fixture.close());

  const post = (body: string, idempotency_key?: string) =>
    world.call("post_message", ann, { thread_id: "th-1", body, ...(idempotency_key && { idempotency_key }) });
  const head = async () => {
    const { thread } = await world.call("get_thread", ann, { thread_id: "th-1" });
    return (thread as { head_seq: number }).head_seq;
  };

  test("the same key and payload gets the first result and changes nothing more", async () => {
    const first = await post("One", "k1");
    expect(await post("One", "k1")).toEqual(first);
    expect(await post("One", "k2")).toMatchObject({ seq: 2 });
    expect(await head()).toBe(2);
  });

  test("the same key with another payload or operation is refused", async () => {
    await post("One", "k1");
    await expect(post("Two", "k1")).rejects.toMatchObject({ code: "idempotency_conflict" });
    await expect(
      world.call("ack_read", ann, { thread_id: "th-1", seq: 1, idempotency_key: "k1" }),
    ).rejects.toMatchObject({ code: "idempotency_conflict" });
    expect(await head()).toBe(1);
  });

  test.each([
    ["actor_not_found", 1],
    ["conflict", 12],
  ] as const)("mail that meets %s undoes its post, which tells it after %i tries", async (code, tries) => {
    let sent = 0;
    const failing: Store = {
      ...store,
      transaction: (work, how) =>
        store.transaction((tx) => {
          const send = async () => {
            sent += 1;
            throw new RouseError(code, "no mail today");
          };
          return work({ ...tx, send });
        }, how),
    };
    const other = await createWorld(clock, failing);
    const posting = runOperation({
      ...{ operation: getOperation("post_message")!, caller: ann, workspace: other.workspace },
      ...{ input: { thread_id: "th-1", body: "One" }, requestId: "r-1" },
    });
    await expect(posting).rejects.toMatchObject({ code });
    expect(sent).toBe(tries);
    expect(await head()).toBe(0);
  });

  test("a key belongs to its caller", async () => {
    await post("One", "k1");
    const bob = callerOf(world, "bob");
    const result = await world.call("post_message", bob, {
      thread_id: "th-1",
      body: "Mine",
      idempotency_key: "k1",
    });
    expect(result).toMatchObject({ seq: 2 });
  });

  test("calls with one key at the same time get one result, also where the second would be refused", async () => {
    const change = { thread_id: "th-1", status: "resolved", idempotency_key: "k1" };
    const add = { thread_id: "th-1", agent_id: "cy", idempotency_key: "k2" };
    const open = { thread_id: "th-2", title: "Next", idempotency_key: "k3" };
    const calls: [string, object][] = [
      ["update_thread_status", change],
      ["add_participant", add],
      ["create_thread", open],
    ];
    for (const [name, input] of calls) {
      const results = await Promise.all(Array.from({ length: 4 }, () => world.call(name, ann, input)));
      expect(results).toEqual(results.map(() => results[0]));
    }
    expect((await world.audit()).map(({ outcome }) => outcome)).not.toContain("refused");
  });

  test("calls with one key at the same time post once", async () => {
    const results = await Promise.all(Array.from({ length: 8 }, () => post("One", "k1")));
    expect(new Set(results.map((result) => result["seq"]))).toEqual(new Set([1]));
    expect(await head()).toBe(1);
  });

  test("a refused call leaves its key free", async () => {
    await expect(
      world.call("post_message", ann, { thread_id: "th-1", body: "x", to: ["zoe"], idempotency_key: "k1" }),
    ).rejects.toMatchObject({ code: "not_a_participant" });
    expect(await post("One", "k1")).toMatchObject({ seq: 1 });
  });

  test("writers at the same time get a gap-free order", async () => {
    const results = await Promise.all(Array.from({ length: 12 }, (_, index) => post(`Message ${index}`)));
    const seqs = results.map((result) => Number(result["seq"])).toSorted((a, b) => a - b);
    expect(seqs).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
  });

  test("an unknown outcome of the commit is cured by the key: posted once, answered with the result", async () => {
    const original = store.transaction.bind(store);
    let isLost = true;
    store.transaction = async (work, options) => {
      const result = await original(work, options);
      if (isLost && options?.readOnly !== true) {
        isLost = false;
        throw new RouseError("commit_outcome_unknown", "the connection broke during the commit");
      }
      return result;
    };
    expect(await post("One", "k1")).toMatchObject({ seq: 1 });
    expect(await head()).toBe(1);
    isLost = true;
    await expect(post("Two")).rejects.toMatchObject({ code: "commit_outcome_unknown", retryable: true });
  });

  test("an unknown outcome stays unknown when the store cannot be asked for it", async () => {
    const original = store.transaction.bind(store);
    const failures = ["commit_outcome_unknown", "database_unavailable"] as const;
    let calls = 0;
    store.transaction = async (work, options) => {
      const failure = failures[calls];
      calls += 1;
      if (failure !== undefined) throw new RouseError(failure, "the connection broke");
      return original(work, options);
    };
    await expect(post("One", "k1")).rejects.toMatchObject({ code: "commit_outcome_unknown" });
    expect(calls).toBe(2);
  });

  test("each mutation writes one audit row with who, what and why, and never a body", async () => {
    await post("A secret plan", "k1");
    await post("A secret plan", "k1");
    const rows = (await world.audit()).filter(({ operation }) => operation === "post_message");
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      actor: "ann",
      role: "participant",
      subject: "thread/th-1",
      outcome: "done",
      code: null,
      requestId: "request-1",
    });
    expect(JSON.stringify(rows)).not.toContain("secret");
  });

  test("a refusal keeps the names of unknown fields, not what they hold", async () => {
    const misspelt = {
      agent_id: "bob",
      kind: "generic",
      definitions: { env: { KEY: "secret" } },
      "nul\0": 1,
    };
    const lead = callerOf(world, "lead", "coordinator");
    await expect(world.call("register_agent", lead, misspelt)).rejects.toMatchObject({
      code: "invalid_input",
    });
    const [row] = await world.audit();
    expect(row).toMatchObject({
      outcome: "refused",
      details: { agent_id: "bob", kind: "generic", definitions: "(unknown field)" },
    });
    expect(JSON.stringify(row)).not.toContain("secret");
  });

  test("a payload that claims another identity is refused and audited", async () => {
    for (const claim of [
      { author: "bob" },
      { workspace_id: "other" },
      { role: "operator" },
      { caller_id: "bob" },
    ]) {
      await expect(
        world.call("post_message", ann, { thread_id: "th-1", body: "x", ...claim }),
      ).rejects.toMatchObject({ code: "identity_mismatch" });
    }
    const refusals = (await world.audit()).filter(({ code }) => code === "identity_mismatch");
    expect(refusals).toHaveLength(4);
    expect(refusals[0]).toMatchObject({ actor: "ann", details: { caller_id: "bob" } });
    const honest = {
      thread_id: "th-1",
      body: "x",
      author: "ann",
      workspace_id: store.workspaceId,
      schema_version: 1,
    };
    expect(await world.call("post_message", ann, honest)).toMatchObject({ seq: 1 });
  });

  test("a caller of another workspace is refused before anything is looked at", async () => {
    const stranger = { ...ann, workspaceId: "elsewhere" };
    for (const operation of operations) {
      await expect(world.call(operation.name, stranger, {})).rejects.toMatchObject({
        code: "identity_mismatch",
      });
    }
  });

  test("a call rings after its commit, a refused one does not", async () => {
    const before = world.rings();
    await post("One");
    expect(world.rings()).toBe(before + 1);
    await expect(post("")).rejects.toMatchObject({ code: "invalid_input" });
    expect(world.rings()).toBe(before + 1);
  });

  test("a call that is no object is refused", async () => {
    for (const input of [null, [], "text", 7]) {
      await expect(world.call("post_message", ann, input)).rejects.toMatchObject({ code: "invalid_input" });
    }
  });

  test("whoever may not is refused by role, and that is audited", async () => {
    const auditor = callerOf(world, "eve", "auditor");
    for (const operation of operations.filter(({ readOnly }) => !readOnly)) {
      await expect(world.call(operation.name, auditor, {})).rejects.toMatchObject({ code: "forbidden" });
    }
    await expect(world.call("issue_token", ann, { agent_id: "ann", role: "operator" })).rejects.toMatchObject(
      {
        code: "forbidden",
        details: { role: "participant", allowed: ["operator"] },
      },
    );
    expect(await world.audit()).toContainEqual(
      expect.objectContaining({
        actor: "ann",
        operation: "issue_token",
        outcome: "refused",
        code: "forbidden",
      }),
    );
  });
});
