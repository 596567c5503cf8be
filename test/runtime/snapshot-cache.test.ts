import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { start, type ActorRecord } from "../../runtime/kernel.ts";
import { decide } from "../../runtime/decide.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { Registry } from "../../runtime/registry.ts";
import { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import type { Claim, StoredActor, TurnCommit } from "../../runtime/store.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { begin, walk, type Model } from "../../runtime/model/model.ts";
import { modelOf, whole } from "../machines/participant-model.ts";
import { inputFor, runtimeModel } from "../machines/runtime-model.ts";
import { wander } from "../machines/script.ts";
import { modelPolicies, threadModel } from "../machines/thread-model.ts";
import { benchEntry } from "./bench-chart.ts";

const recordOf = (n: number, padding = ""): ActorRecord => ({
  snapshot: { status: "active", value: "idle", context: { n, padding } },
  incarnation: 0,
  invokes: {},
  timers: {},
});
const entryOf = (n: number, padding = "") => {
  const record = recordOf(n, padding);
  return { actor: { address: `bench/${n}` as const, record: JSON.stringify(record) }, record };
};

describe("the snapshot cache", () => {
  test("gives a record back for the very text it stands for, once", () => {
    const cache = new SnapshotCache();
    const { actor, record } = entryOf(1);
    cache.put(actor, record);
    expect(cache.take(actor)).toBe(record);
    expect(cache.take(actor)).toBeNull();
  });

  test("ignores and forgets a record when the actor was moved elsewhere meanwhile", () => {
    const cache = new SnapshotCache();
    const { actor, record } = entryOf(1);
    cache.put(actor, record);
    expect(cache.take({ ...actor, record: entryOf(2).actor.record })).toBeNull();
    expect(cache.take(actor)).toBeNull();
    expect(cache.size).toBe(0);
  });

  test("keeps the latest used within its limit, however many actors there are", () => {
    const cache = new SnapshotCache({ limitBytes: 10_000 });
    const entries = Array.from({ length: 1_000 }, (_, n) => entryOf(n));
    for (const { actor, record } of entries) cache.put(actor, record);
    expect(cache.size).toBeGreaterThan(10);
    expect(cache.size).toBeLessThan(30);
    const kept = entries.map(({ actor }) => cache.take(actor) !== null);
    expect(kept.lastIndexOf(false)).toBe(1_000 - kept.filter(Boolean).length - 1);
    expect(cache.size).toBe(0);
    for (const { actor, record } of entries) cache.put(actor, record);
    expect(cache.size).toBe(kept.filter(Boolean).length);
  });

  test("does not give up all others for a record above its limit", () => {
    const cache = new SnapshotCache({ limitBytes: 10_000 });
    const small = entryOf(1);
    const large = entryOf(2, "x".repeat(10_000));
    cache.put(small.actor, small.record);
    cache.put(large.actor, large.record);
    expect(cache.take(large.actor)).toBeNull();
    expect(cache.take(small.actor)).toBe(small.record);
  });
});

const models: Record<string, Model<never>> = {
  thread: threadModel(modelPolicies[0]!),
  participant: modelOf(whole),
  runtime: runtimeModel(inputFor("launch")),
};
const registry = new Registry(registeredMachines);

/** What the store keeps between two turns of one actor. */
class Actor {
  readonly #snapshots: SnapshotCache | null;
  #stored: StoredActor;

  constructor(kind: string, model: Model<never>, snapshots: SnapshotCache | null) {
    const { address, input, machine } = model;
    const entry = registry.require(kind);
    const { record } = start(machine, { address, input, now: begin(model).after.now });
    this.#snapshots = snapshots;
    this.#stored = {
      address,
      kind,
      subject: "",
      version: 1,
      status: "active",
      machineVersion: entry.version,
      machineHash: machineHash(entry.machine),
      record: JSON.stringify(record),
      updatedAt: 0,
    };
  }

  /** The turn's whole commit as text. */
  turn(mail: Claim["mail"], now: number): string {
    const source = { registry, ...(this.#snapshots === null ? {} : { snapshots: this.#snapshots }) };
    const commit: TurnCommit = decide(source, { actor: this.#stored, mail }, now);
    this.#stored = { ...commit.actor, updatedAt: now };
    return JSON.stringify(commit);
  }
}

describe.each(Object.entries(models))("turns of a %s", (kind, model) => {
  test("come to the same to the byte with the cache and without, on any walk", () => {
    const walks = fc.array(fc.tuple(fc.nat(10_000), fc.integer({ min: 1, max: 3 })), {
      minLength: 10,
      maxLength: 50,
    });
    let hits = 0;
    class Counting extends SnapshotCache {
      override take(actor: Pick<StoredActor, "address" | "record">): ActorRecord | null {
        const record = super.take(actor);
        if (record !== null) hits += 1;
        return record;
      }
    }
    fc.assert(
      fc.property(walks, (choices) => {
        const cold = new Actor(kind, model, null);
        const hot = new Actor(kind, model, new Counting());
        const moves = wander(
          model,
          choices.map(([choice]) => choice),
        );
        let { after } = begin(model);
        for (const [index, move] of moves.entries()) {
          const walked = walk(model, after, move);
          ({ after } = walked);
          const { event, cause } = walked.applied!;
          // Doubled mail: what must be dropped leaves the record as it was.
          const copies = choices[index]?.[1] ?? 1;
          const mail = Array.from({ length: cause === null ? 1 : copies }, (_, copy) => ({
            id: `${index}.${copy}`,
            from: "walk",
            event,
            cause,
            sentAt: after.now,
          }));
          expect(hot.turn(mail, after.now)).toBe(cold.turn(mail, after.now));
        }
      }),
      { numRuns: 40 },
    );
    expect(hits).toBeGreaterThan(100);
  });
});

test("a chart that fails on an event leaves nothing in the cache that the store does not have", () => {
  const own = new Registry([benchEntry]);
  const snapshots = new SnapshotCache();
  const { record } = start(benchEntry.machine, { address: "bench/1", input: { n: 1 }, now: 1 });
  const actor: StoredActor = {
    address: "bench/1",
    kind: "bench",
    subject: "",
    version: 1,
    status: "active",
    machineVersion: benchEntry.version,
    machineHash: machineHash(benchEntry.machine),
    record: JSON.stringify(record),
    updatedAt: 1,
  };
  const mail = (type: string): Claim["mail"][number] => ({
    id: type,
    from: "test",
    event: { type },
    cause: null,
    sentAt: 1,
  });
  const source = { registry: own, snapshots };
  const told = decide(source, { actor, mail: [mail("told")] }, 1);
  expect(snapshots.size).toBe(1);
  const moved = { ...told.actor, updatedAt: 1 };
  expect(decide(source, { actor: moved, mail: [mail("poison")] }, 2).actor.status).toBe("quarantined");
  expect(snapshots.size).toBe(0);
});
