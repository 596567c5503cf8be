import { expect, test } from "vitest";
import { assign, setup } from "xstate";
import { decide } from "../../runtime/decide.ts";
import { start, type ActorRecord } from "../../runtime/kernel.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { Registry, type MachineEntry } from "../../runtime/registry.ts";
import { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import type { Mail, StoredActor } from "../../runtime/store.ts";

/** Changes its context in place, which nothing keeps a chart from. */
const carelessEntry: MachineEntry = {
  kind: "careless",
  version: "1",
  machine: setup({
    types: {
      context: {} as { log: string[] },
      events: {} as { type: "note" | "trip" | "end" },
    },
    actions: {
      note: assign(({ context, event }) => {
        context.log.push(event.type);
        if (event.type === "trip") throw new Error("tripped");
        return { log: context.log };
      }),
    },
  }).createMachine({
    id: "careless",
    version: "1",
    context: () => ({ log: [] }),
    initial: "open",
    states: {
      open: {
        description: "Notes.",
        on: { note: { actions: "note" }, trip: { actions: "note" }, end: "ended" },
      },
      ended: { description: "Over.", type: "final" },
    },
  }),
  ports: [],
  migrations: [],
};

const mailOf = (...types: string[]): Mail[] =>
  types.map((type, index) => ({ id: String(index), from: "test", event: { type }, cause: null, sentAt: 1 }));

test.each([
  ["parsed from its text", undefined],
  ["kept in memory", new SnapshotCache()],
])(
  "an actor %s keeps its last good state when its chart changed it in place and then failed",
  (_, snapshots) => {
    const { machine, kind, version } = carelessEntry;
    const source = {
      registry: new Registry([carelessEntry]),
      ...(snapshots === undefined ? {} : { snapshots }),
    };
    const { record } = start(machine, { address: "careless/1", input: {}, now: 1 });
    const created: StoredActor = {
      ...{ address: "careless/1", kind, subject: "", version: 1, status: "active", updatedAt: 1 },
      ...{ machineVersion: version, machineHash: machineHash(machine), record: JSON.stringify(record) },
    };
    const noted = { ...decide(source, { actor: created, mail: mailOf("note") }, 2).actor, updatedAt: 2 };
    const mail = mailOf("note", "note", "trip", "note");
    const commit = decide(source, { actor: noted, mail }, 3);
    const { snapshot } = JSON.parse(commit.actor.record) as ActorRecord;
    expect(snapshot["context"]).toEqual({ log: ["note", "note", "note"] });
    expect(commit.actor).toMatchObject({ status: "quarantined", version: 5 });
    expect(commit.consumed).toEqual(mail.slice(0, 3));
    expect(commit.journal.map(({ seq, event, dropped }) => [seq, event.type, dropped])).toEqual([
      [3, "note", null],
      [4, "note", null],
      [5, "trip", "poison"],
    ]);
    expect(commit.deadLetters).toMatchObject([
      { mail: mail[2], error: { message: expect.stringContaining("tripped") as string } },
    ]);
  },
);
