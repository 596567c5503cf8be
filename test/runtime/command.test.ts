import { beforeEach, describe, expect, test } from "vitest";
import { assign, setup } from "xstate";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import type { Engine } from "../../runtime/engine.ts";
import { Registry, type MachineEntry } from "../../runtime/registry.ts";
import { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import type { EffectKey, Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry } from "./bench-chart.ts";

describe("a command", () => {
  let store: Store;
  let engine: Engine;
  let withdrawn: EffectKey[];
  const registry = new Registry([benchEntry]);
  const doorbell = createMemoryDoorbell();

  beforeEach(async () => {
    store = createMemoryStore({ workspaceId: "w", clock: new ManualClock() });
    withdrawn = [];
    const onCancelled = (effects: readonly EffectKey[]) => void withdrawn.push(...effects);
    engine = createEngine({ store, registry, doorbell, onCancelled });
    await store.transaction((tx) =>
      engine.create(tx, { kind: "bench", address: "bench/1", input: { n: 1 } }),
    );
  });

  const send = (type: string) =>
    store.transaction((tx) => tx.send([{ to: "bench/1", from: "test", event: { type } }]));
  const command = (type: string) =>
    store.transaction((tx) => engine.command(tx, { to: "bench/1", event: { type }, from: "operator" }));

  test("that withdraws an effect says so at the ring, not before the commit, and once", async () => {
    await command("fetch");
    await command("leave");
    expect(withdrawn).toEqual([]);
    engine.ring();
    expect(withdrawn).toEqual([{ address: "bench/1", incarnation: 1 }]);
    engine.ring();
    expect(withdrawn).toHaveLength(1);
  });

  test("behind mail that its actor cannot process is refused, and leaves that mail to a turn", async () => {
    await send("poison");
    await expect(command("wait")).rejects.toMatchObject({ code: "actor_quarantined" });
    expect(await store.counts()).toMatchObject({ mail: 1, deadLetters: 0 });
    expect(await turn({ store, registry, doorbell })).toBe(1);
    expect(await store.counts()).toMatchObject({ mail: 0, deadLetters: 1, actors: { quarantined: 1 } });
  });

  test("that its actor cannot process is refused with the reason, and changes nothing", async () => {
    await send("wait");
    await send("leave");
    await expect(command("poison")).rejects.toMatchObject({
      message: expect.stringContaining("boom") as string,
    });
    expect(await store.counts()).toMatchObject({ mail: 2, deadLetters: 0, actors: { active: 1 } });
  });

  test("creates no actor of a kind that nobody registered", async () => {
    const creation = store.transaction((tx) =>
      engine.create(tx, { kind: "unheardOf", address: "unheardOf/1", input: {} }),
    );
    await expect(creation).rejects.toMatchObject({ code: "machine_unknown" });
  });
});

describe("what a caller or a chart does with its own objects", () => {
  const basketEntry: MachineEntry = {
    kind: "basket",
    version: "1",
    machine: setup({
      types: {
        context: {} as { items: string[]; shared: string[] },
        input: {} as { items: string[] | undefined },
        events: {} as { type: "filled"; items: string[] } | { type: "touched" },
      },
      actions: {
        fill: assign({ items: ({ event, context }) => ("items" in event ? event.items : context.items) }),
        // Against the rules, and not seen by XState's types.
        keep: assign({ shared: ({ context }) => (context.shared.push("kept"), context.shared) }),
      },
    }).createMachine({
      id: "basket",
      version: "1",
      context: ({ input }) => ({ items: input.items ?? [], shared: nobodys }),
      initial: "open",
      states: {
        open: {
          description: "Takes all.",
          on: { filled: { actions: "fill" }, touched: { target: "closed", actions: "keep" } },
        },
        closed: { description: "Takes no more.", type: "final" },
      },
    }),
    ports: [],
    migrations: [],
  };
  const nobodys: string[] = [];
  const doorbell = createMemoryDoorbell();
  const address = "basket/1";
  let store: Store;
  let engine: Engine;

  beforeEach(() => {
    store = createMemoryStore({ workspaceId: "w", clock: new ManualClock() });
    const registry = new Registry([basketEntry]);
    engine = createEngine({ store, registry, doorbell, snapshots: new SnapshotCache() });
  });

  const create = (to: `basket/${number}`, input: object) =>
    store.transaction((tx) => engine.create(tx, { kind: "basket", address: to, input }));
  const command = (event: { type: string; items?: string[] }) =>
    store.transaction((tx) => engine.command(tx, { to: address, event, from: "ada" }));
  const contextOf = async (of: `basket/${number}`) =>
    (JSON.parse((await store.getActor(of))?.record ?? "") as { snapshot: { context: object } }).snapshot
      .context;

  test("after the call changes nothing of an actor, whether they came as input or in an event", async () => {
    const items = ["pear"];
    await create(address, { items });
    items.push("stone");
    await command({ type: "none" });
    expect(await contextOf(address)).toMatchObject({ items: ["pear"] });
    await command({ type: "filled", items });
    items.push("rock");
    await command({ type: "none" });
    expect(await contextOf(address)).toMatchObject({ items: ["pear", "stone"] });
  });

  test("with a constant of the chart reaches no other actor through the one that was created with it", async () => {
    await create(address, {});
    await command({ type: "touched" });
    await create("basket/2", {});
    expect(await contextOf("basket/2")).toMatchObject({ shared: [] });
  });
});
