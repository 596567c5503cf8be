import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { operations } from "../../../api/operations/list.ts";
import type { Operation } from "../../../api/operations/operation.ts";
import { roles } from "../../../machines/roles.ts";
import { isRouseError } from "../../../runtime/errors.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

/** Invariant 19 for every operation there is: the list comes from the definitions, so a new one is tested by itself. */

const inThread = { thread_id: "th-1" };
const participant = { ...inThread, agent_id: "bob" };
const why = { reason: "because" };
const runtime = { runtime_id: "rt-1" };
const program = { kind: "generic", definition: { command: ["true"], env: { KEY: "canary-secret" } } };

interface Attempt {
  code: string;
  caller?: Caller;
  input: object;
}

/** An input with which each mutation does something in the world below. */
const inputs: Record<string, object> = {
  create_thread: { thread_id: "th-2", title: "Next" },
  post_message: { ...inThread, body: "canary-secret" },
  ack_read: { ...inThread, seq: 1 },
  update_thread_status: { ...inThread, status: "resolved" },
  heartbeat_session: { session_id: "s-9" },
  trigger_participant: participant,
  add_participant: { ...inThread, agent_id: "cy" },
  block_participant: { ...participant, ...why },
  unblock_participant: { ...inThread, agent_id: "eve", ...why },
  override_participant: { ...participant, ...why },
  pause_injection: { scope: "workspace", ...why },
  resume_injection: { scope: "agent", agent_id: "eve", ...why },
  register_agent: { agent_id: "cy", ...program },
  register_runtime: { agent_id: "bob", mode: "attach", pid: 7, runtime_id: "rt-2" },
  deregister_runtime: { ...runtime, ...why },
  reconcile_runtime: runtime,
  issue_token: { agent_id: "bob", role: "participant" },
  revoke_token: { jti: "j-1", ...why },
  revoke_tokens_of: { agent_id: "bob", ...why },
  rotate_signing_key: why,
};
/** They answer without a change of state that could be told. */
const mayChangeNothing = new Set([
  ...["reconcile_runtime", "override_participant", "deregister_runtime", "revoke_token"],
]);
/** Need what this world has not; they are refused here, and succeed in tests of their own. */
const refusedHere: Record<string, object> = {
  requeue_dead_letter: { dead_letter_id: "1", ...why },
  discard_dead_letter: { dead_letter_id: "1", ...why },
  release_actor: { address: "thread/none", ...why },
  change_runtime_management: { ...runtime, management: "unmanaged", ...why },
  refresh_token: {},
  retire_signing_key: { kid: "none", ...why },
  answer_prompt: { ...runtime, fingerprint: "0".repeat(32), option: "1", ...why },
  test_notifications: why,
  retry_notifications: why,
  switch_notifications: { on: false, ...why },
};

describe.each(storeFixtures())("every operation $name", (fixture) => {
  let world: World;
  let store: Store;
  let seen: Set<string>;
  const clock = new ManualClock();
  const operator = (): Caller => callerOf(world, "ann", "operator");

  beforeEach(async () => {
    store = await fixture.open(clock);
    world = await createWorld(clock, store);
    const make = (name: string, input: object) => world.call(name, operator(), input);
    await make("create_thread", { ...inThread, title: "Review", participants: ["bob", "eve"] });
    await make("add_participant", { ...inThread, agent_id: "ann" });
    await make("post_message", { ...inThread, body: "one" });
    await make("block_participant", { ...inThread, agent_id: "eve", ...why });
    await make("register_agent", { agent_id: "bob", ...program });
    await make("register_runtime", { agent_id: "bob", mode: "launch", ...runtime });
    await make("pause_injection", { scope: "agent", agent_id: "eve", ...why });
    await world.settle();
    seen = new Set((await world.audit()).map(({ auditId }) => auditId));
  });
  afterAll(() => fixture.close());

  const rowsSince = async () => (await world.audit()).filter(({ auditId }) => !seen.has(auditId));
  const outcomeOf = async (operation: Operation, caller: Caller, input: object) => {
    try {
      await world.call(operation.name, caller, input);
      return "done";
    } catch (error) {
      if (isRouseError(error)) return error.code;
      throw error;
    }
  };
  const expectOneRow = async (operation: Operation, { code, caller = operator(), input }: Attempt) => {
    seen = new Set((await world.audit()).map(({ auditId }) => auditId));
    expect(await outcomeOf(operation, caller, input)).toBe(code);
    const rows = await rowsSince();
    const by = { actor: "ann", role: caller.role, operation: operation.name, requestId: "request-1" };
    expect(rows).toMatchObject([{ ...by, outcome: "refused", code, changes: [] }]);
    expect(JSON.stringify(rows)).not.toContain("canary-secret");
  };

  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "%s leaves a row for each refusal, one when it changes something, and none when it reads",
    async (name, operation) => {
      const input = inputs[name] ?? refusedHere[name] ?? {};
      for (const role of roles.filter((each) => !operation.roles.includes(each)))
        await expectOneRow(operation, { code: "forbidden", caller: callerOf(world, "ann", role), input });
      const stranger = { ...operator(), workspaceId: "other" };
      await expectOneRow(operation, { code: "identity_mismatch", caller: stranger, input });
      await expectOneRow(operation, {
        code: "identity_mismatch",
        input: { ...input, workspace_id: "other" },
      });
      await expectOneRow(operation, { code: "invalid_input", input: { no_such_field: "canary-secret" } });

      seen = new Set((await world.audit()).map(({ auditId }) => auditId));
      const outcome = await outcomeOf(operation, operator(), input);
      const rows = await rowsSince();
      expect(JSON.stringify(rows)).not.toContain("canary-secret");
      if (name in inputs) expect(outcome).toBe("done");
      if (operation.readOnly && outcome === "done") return expect(rows).toEqual([]);
      const by = { actor: "ann", role: "operator", operation: name, requestId: "request-1" };
      const ends = outcome === "done" ? { outcome, code: null } : { outcome: "refused", code: outcome };
      expect(rows).toMatchObject([{ ...by, ...ends }]);
      const changes = rows[0]?.changes ?? [];
      if (outcome === "done" && !mayChangeNothing.has(name)) expect(changes).not.toEqual([]);
      for (const { before, after } of changes) expect(before).not.toEqual(after);
    },
  );

  test("a refusal stays when the mutation's own writes are taken back", async () => {
    const bob = callerOf(world, "bob");
    const late = world.call("post_message", bob, { ...inThread, body: "x", in_reply_to: 99 });
    await expect(late).rejects.toMatchObject({ code: "invalid_input" });
    expect(await rowsSince()).toMatchObject([{ actor: "bob", outcome: "refused", code: "invalid_input" }]);
    const { thread } = await world.call("get_thread", operator(), inThread);
    expect(thread).toMatchObject({ head_seq: 1 });
  });

  test("nobody hears of a refusal that cannot be written down", async () => {
    const original = store.transaction.bind(store);
    store.transaction = (work, options) =>
      original(
        async (tx) => work({ ...tx, appendAudit: () => Promise.reject(new Error("planted")) }),
        options,
      );
    const call = world.call("issue_token", callerOf(world, "bob"), { agent_id: "bob", role: "operator" });
    await expect(call).rejects.toThrow("planted");
  });

  test("states and values stand in the row as they were before and after", async () => {
    await world.call("unblock_participant", operator(), { ...inThread, agent_id: "eve", ...why });
    await world.call("ack_read", callerOf(world, "bob"), { ...inThread, seq: 1 });
    await world.call("pause_injection", operator(), { scope: "workspace", ...why });
    const [pause, ack, unblock] = await rowsSince();
    expect(unblock).toMatchObject({ subject: "participant/th-1.eve", reason: "because" });
    expect(unblock?.changes).toEqual([
      {
        of: "participant/th-1.eve",
        before: "participant.attention.blocked.untilNews",
        after: "participant.attention.unread.held",
      },
    ]);
    const cursor = { of: "participant/th-1.bob last_read_seq", before: 0, after: 1 };
    expect(ack?.changes).toEqual([cursor]);
    expect(pause?.changes).toEqual([{ of: "workspace injection", before: "open", after: "paused" }]);
  });

  test("a row is bounded, however much a caller sends or changes", async () => {
    const many = Array.from({ length: 40 }, (_, index) => `agent-${index}`);
    const huge = { [`x${"y".repeat(5_000)}`]: "z".repeat(50_000), reason: "r".repeat(50_000) };
    await outcomeOf(operations[0] as Operation, operator(), huge);
    await world.call("create_thread", operator(), { thread_id: "th-9", title: "t", participants: many });
    for (const row of await rowsSince()) expect(JSON.stringify(row).length).toBeLessThan(8_000);
  });
});

test("every mutation has an input here", () => {
  const mutations = operations.filter(({ readOnly }) => !readOnly).map(({ name }) => name);
  const withNone = mutations.filter((name) => inputs[name] === undefined && refusedHere[name] === undefined);
  expect(withNone).toEqual([]);
});
