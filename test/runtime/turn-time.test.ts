import { afterAll, describe, expect, test } from "vitest";
import { assign, setup } from "xstate";
import { timeOf } from "../../machines/mail.ts";
import type { RegisteredMachine } from "../../machines/registry.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { Registry } from "../../runtime/registry.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { storeFixtures } from "./stores.ts";

/** Notes when it was told something. */
const machine = setup({
  types: { context: {} as { times: number[] }, events: {} as { type: "tell" | "end" } },
  actions: { note: assign({ times: ({ context, event }) => [...context.times, timeOf(event)] }) },
}).createMachine({
  id: "clerk",
  version: "1",
  context: { times: [] },
  initial: "listening",
  states: {
    listening: { description: "Notes the time.", on: { tell: { actions: "note" }, end: "ended" } },
    ended: { description: "Hears nothing more.", type: "final" },
  },
});

const entry: RegisteredMachine = { kind: "clerk", version: "1", machine, ports: [], policy: {} };

describe.each(storeFixtures())("the time of a turn $name", ({ open, close }) => {
  afterAll(close);

  test("never goes back for an actor, also in a transaction that began before its last one", async () => {
    const clock = { time: 1_000, now: () => clock.time };
    const store = await open(clock);
    const registry = new Registry([entry]);
    const doorbell = createMemoryDoorbell();
    const engine = createEngine({ store, registry, doorbell });
    const to = "clerk/1";
    const event = { type: "tell" };
    await store.transaction((tx) => engine.create(tx, { kind: "clerk", address: to, input: {} }));
    const commandAt = async (time: number): Promise<void> => {
      clock.time = time;
      await store.transaction((tx) => engine.command(tx, { to, from: "test", event }));
    };
    await commandAt(1_010);
    await commandAt(1_005);
    clock.time = 1_007;
    await store.transaction((tx) => tx.send([{ to, from: "test", event }]));
    await turn({ store, registry, doorbell });
    await commandAt(1_020);
    const actor = await store.getActor(to);
    const { snapshot } = JSON.parse(actor?.record ?? "") as { snapshot: { context: { times: number[] } } };
    expect(snapshot.context.times).toEqual([1_010, 1_010, 1_010, 1_020]);
    expect(actor?.updatedAt).toBe(1_020);
  });
});
