import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import type { Engine } from "../../runtime/engine.ts";
import { Registry } from "../../runtime/registry.ts";
import type { EffectKey, Store } from "../../runtime/store.ts";
import { createEngine, turn } from "../../runtime/turn.ts";
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
