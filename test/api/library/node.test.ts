import { assign, setup } from "xstate";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createNode,
  defineActor,
  implementPort,
  isRouseError,
  refusal,
  type Actor,
  type AnyPortImplementation,
} from "../../../api/library/index.ts";
import { createTestNode } from "../../../api/library/testing/index.ts";
import { threadMachine } from "../../../machines/thread/machine.ts";
import { createTestDatabase } from "../../setup/database.ts";
import { parcel, parcelChart, sendParcel, sends } from "./parcel.ts";

const anns = { to: "Ann" };
const isOver = ({ status }: { status: string }) => status === "done";
const actors = [parcel];

async function testNode(port: AnyPortImplementation = sends) {
  return createTestNode({ actors, ports: [port] });
}

describe("an actor of the library", () => {
  test("takes events, asks its port, and ends with its output", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", anns);
    expect(handle.address).toBe("parcel/1");
    const { taken, state } = await handle.send({ type: "parcel.ready", weight: 2 });
    expect([taken, state.value]).toEqual([true, "sending"]);
    const { value, output, context } = await handle.waitFor(isOver);
    expect({ value, output, to: context.to }).toEqual({
      value: "sent",
      output: { tracking: "to Ann" },
      to: "Ann",
    });
  });

  test("says when an event matched nothing", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", anns);
    const { taken, state } = await handle.send({ type: "parcel.ready", weight: 99 });
    expect([taken, state.value]).toEqual([false, "packing"]);
  });

  test("waits by virtual time alone", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", anns);
    await node.advance(86_399_000);
    expect((await handle.get())?.value).toBe("packing");
    await node.advance(1_000);
    expect((await handle.get())?.value).toBe("givenUp");
  });

  test("tells its story, and goes on telling to who follows", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", anns);
    const following = (async () => {
      const seen: string[] = [];
      for await (const { event } of handle.journal({ follow: true })) {
        seen.push(event.type);
        if (seen.length === 3) break;
      }
      return seen;
    })();
    await handle.send({ type: "parcel.ready", weight: 2 });
    expect(await following).toEqual(["actor.created", "parcel.ready", "xstate.done.actor.send"]);
    const later = handle.journal({ after: 1 });
    expect((await later.next()).value?.event.type).toBe("parcel.ready");
  });

  test("is created once, and found again by ensure", async () => {
    await using node = await testNode();
    await node.create(parcel, "1", anns);
    await expect(node.create(parcel, "1", anns)).rejects.toMatchObject({ code: "already_exists" });
    const again = await node.ensure(parcel, "1", { to: "Bob" });
    expect((await again.get())?.context.to).toBe("Ann");
    const { rows } = await node.list(parcel);
    expect(rows.map(({ address }) => address)).toEqual(["parcel/1"]);
    expect(await node.actor(parcel, "2").get()).toBe(null);
  });
});

describe("waiting in vain", () => {
  test("ends with what is the matter", async () => {
    await using node = await testNode();
    await expect(node.actor(parcel, "9").waitFor(isOver)).rejects.toMatchObject({ code: "actor_not_found" });
    const handle = await node.create(parcel, "1", anns);
    const waiting = handle.waitFor(isOver, { timeoutMs: 1_000 }).catch((error: unknown) => error);
    await node.advance(2_000);
    expect(await waiting).toMatchObject({ code: "wait_timeout" });
    await handle.send({ type: "parcel.ready", weight: 2 });
    await handle.waitFor(isOver);
    await expect(handle.waitFor(({ value }) => value === "givenUp")).rejects.toMatchObject({
      code: "transition_refused",
    });
  });

  test("ends when its signal says so", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", anns);
    await expect(handle.waitFor(isOver, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
  });
});

describe("a port", () => {
  test("that throws is tried again within its policy, under the same key", async () => {
    const keys: string[] = [];
    const flaky = implementPort(sendParcel, ({ key, attempt }) => {
      keys.push(key);
      if (attempt < 3) throw new Error("no carrier");
      return { tracking: "t" };
    });
    await using node = await testNode(flaky);
    const handle = await node.create(parcel, "1", anns);
    await handle.send({ type: "parcel.ready", weight: 2 });
    await node.advance(5_000);
    expect((await handle.waitFor(isOver)).value).toBe("sent");
    expect(keys).toEqual(["parcel/1:2", "parcel/1:2", "parcel/1:2"]);
  });

  test.each([
    ["a refusal", () => refusal("no such street"), "port_refused"],
    ["endless failure", () => new Error("no carrier"), "port_failed"],
  ])("ends after %s with a code for the chart", async (_, error, code) => {
    const failing = implementPort(sendParcel, () => {
      throw error();
    });
    await using node = await testNode(failing);
    const handle = await node.create(parcel, "1", anns);
    await handle.send({ type: "parcel.ready", weight: 2 });
    await node.advance(10_000);
    const { value, context } = await handle.waitFor(isOver);
    expect([value, context.problem]).toEqual(["givenUp", code]);
  });

  test("whose output fails its schema fails with a code of its own", async () => {
    const wrong = implementPort(sendParcel, () => ({ tracking: 7 as never }));
    await using node = await testNode(wrong);
    const handle = await node.create(parcel, "1", anns);
    await handle.send({ type: "parcel.ready", weight: 2 });
    expect((await handle.waitFor(isOver)).context.problem).toBe("port_value_invalid");
  });

  test("whose input fails its schema quarantines the actor, with the field in its dead letter", async () => {
    await using node = await testNode();
    const handle = await node.create(parcel, "1", { to: "" });
    await expect(handle.send({ type: "parcel.ready", weight: 2 })).rejects.toMatchObject({
      code: "port_value_invalid",
      message: expect.stringMatching(/sendParcel .*to: /),
    });
    expect((await handle.get())?.value).toBe("packing");
  });
});

describe("a node refuses", () => {
  const bare = (chart: object, parts: object = {}): Actor => {
    const build: (config: never) => unknown = setup(parts).createMachine;
    const machine = build({ id: "bad", context: {}, ...chart } as never) as Actor["machine"];
    return defineActor({ kind: "bad", version: "1", machine });
  };

  test.each([
    ["a port without implementation", { actors, ports: [] }, "port_unknown"],
    ["an implementation that nobody asks for", { actors: [], ports: [sends] }, "port_unknown"],
    [
      "a forbidden chart",
      { actors: [bare({ initial: "a", states: { a: { entry: () => {} } } })] },
      "machine_forbidden_construct",
    ],
    [
      "an unknown port",
      {
        actors: [
          bare({ invoke: { id: "x", src: "nobody", onError: ".a" }, initial: "a", states: { a: {} } }),
        ],
      },
      "port_unknown",
    ],
  ])("%s", async (_, options, code) => {
    await expect(createNode({ ...options, store: "memory" })).rejects.toMatchObject({
      code,
      nextStep: expect.stringMatching(/\w/),
    });
  });

  test("context that is not JSON: the event is undone, and the actor stays as it was", async () => {
    const machine = setup({
      types: { context: {} as { at: Date | null }, events: {} as { type: "stamped" } },
      actions: { stamp: assign({ at: () => new Date(0) }) },
    }).createMachine({
      id: "dated",
      context: { at: null },
      initial: "plain",
      states: {
        plain: { on: { stamped: { target: "stamped", actions: "stamp" } } },
        stamped: { type: "final" },
      },
    });
    const dated = defineActor({ kind: "dated", version: "1", machine });
    await using node = await createTestNode({ actors: [dated] });
    const handle = await node.create(dated, "1");
    await expect(handle.send({ type: "stamped" })).rejects.toMatchObject({
      message: expect.stringMatching(/context\.at is an instance of Date/),
    });
    expect(await handle.get()).toMatchObject({ status: "active", value: "plain", version: 1 });
  });

  test.each([
    ["a kind of Rouse's own", { kind: "thread", version: "1", machine: threadMachine }, "already_exists"],
    ["a kind that is no name", { kind: "Par cel", version: "1", machine: parcelChart }, "invalid_input"],
    ["no version", { kind: "parcel", version: "", machine: parcelChart }, "invalid_input"],
    ["no chart", { kind: "parcel", version: "1", machine: {} as never }, "invalid_input"],
    [
      "a chart of another xstate",
      {
        kind: "parcel",
        version: "1",
        machine: { config: {}, root: {}, transition: null, implementations: {} } as never,
      },
      "invalid_input",
    ],
  ])("%s", (_, definition, code) => {
    expect(() => defineActor(definition as Parameters<typeof defineActor>[0])).toThrow(
      expect.objectContaining({ code }),
    );
  });

  test("an id that is no name, and an actor it was not given", async () => {
    await using node = await testNode();
    expect(() => node.actor(parcel, "a b")).toThrow(expect.objectContaining({ code: "invalid_input" }));
    const other = defineActor({ kind: "other", version: "1", machine: parcelChart });
    expect(() => node.actor(other, "1")).toThrow(expect.objectContaining({ code: "machine_unknown" }));
  });
});

describe("on Postgres", () => {
  let database: Awaited<ReturnType<typeof createTestDatabase>>;
  beforeAll(async () => (database = await createTestDatabase()));
  afterAll(() => database.drop());

  test("an actor goes on in the next process where the last one left it", async () => {
    const store = { url: database.url };
    const first = await createNode({ actors, ports: [sends], store });
    await first.create(parcel, "1", anns);
    await first.stop();
    await using second = await createNode({ actors, ports: [sends], store });
    const handle = await second.ensure(parcel, "1", anns);
    await handle.send({ type: "parcel.ready", weight: 2 });
    expect((await handle.waitFor(isOver, { timeoutMs: 15_000 })).value).toBe("sent");
    for await (const { seq, machineHash } of handle.journal()) {
      expect(seq).toBeLessThan(5);
      expect(machineHash).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  test("two nodes see what the other one did", async () => {
    const store = { url: database.url };
    await using one = await createNode({ actors, ports: [sends], store });
    await using other = await createNode({ actors, ports: [sends], store });
    const waiting = other
      .ensure(parcel, "2", anns)
      .then((handle) => handle.waitFor(isOver, { timeoutMs: 15_000 }));
    const handle = await one.ensure(parcel, "2", anns);
    await handle.send({ type: "parcel.ready", weight: 2 });
    expect((await waiting).value).toBe("sent");
  });

  test("errors are told by their codes", async () => {
    const failing = createNode({
      actors,
      ports: [sends],
      store: { url: "postgres://nobody@127.0.0.1:1/none" },
    });
    const error: unknown = await failing.catch((caught: unknown) => caught);
    expect(isRouseError(error, "database_unavailable")).toBe(true);
  });
});
