import { beforeEach, describe, expect, test } from "vitest";
import { addresses } from "../../machines/mail.ts";
import { defaultWakePolicy } from "../../machines/participant/contract.ts";
import type { ParticipantContext, ParticipantInput } from "../../machines/participant/events.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { agentFacts } from "../../runtime/agent-facts.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { reconcile } from "../../runtime/reconcile.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { settleCharts } from "../../runtime/settle-charts.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry } from "./bench-chart.ts";
import { spoilRecord } from "./spoil-record.ts";

const nodeLostMs = 20_000;

describe("reconciliation", () => {
  let store: Store;
  const registry = new Registry(registeredMachines);
  const doorbell = createMemoryDoorbell();
  const reviewer = "reviewer";

  beforeEach(() => {
    store = createMemoryStore({ workspaceId: "w", clock: new ManualClock() });
  });

  const runTurns = async (): Promise<void> => {
    while ((await turn({ store, registry, doorbell })) > 0);
  };

  /** A thread with a message of which nobody was told. */
  const openThread = (threadId: string, { withActor = true, member: agentId = reviewer } = {}) =>
    store.transaction(async (tx) => {
      const by = { statusReason: "", statusBy: "ann" };
      await tx.insertThread({
        threadId,
        title: "t",
        type: "review",
        createdBy: "ann",
        status: "active",
        ...by,
      });
      await tx.insertMember({ threadId, agentId });
      const agent = agentFacts(null, []);
      const policy = defaultWakePolicy;
      const input: ParticipantInput = {
        threadId,
        agentId,
        policy,
        agent,
        threadStatus: "active",
        pausedBy: [],
      };
      const address = addresses.participant(threadId, agentId);
      const engine = createEngine({ store, registry, doorbell });
      if (withActor) await engine.create(tx, { kind: "participant", address, input, subject: agentId });
      const message = { author: "ann", authorRole: "participant", kind: "message", to: null } as const;
      await tx.appendMessage({ threadId, body: "new", inReplyTo: null, ...message });
    });

  const known = async (threadId: string): Promise<ParticipantContext> => {
    const actor = await store.getActor(addresses.participant(threadId, reviewer));
    return (JSON.parse(actor!.record) as ActorRecord).snapshot["context"] as ParticipantContext;
  };

  test("tells every member that does not know the truth, over all pages, and then nobody", async () => {
    const threads = Array.from({ length: 230 }, (_, index) => `th-${index}`);
    for (const threadId of threads) await openThread(threadId);
    expect(await reconcile(store)).toBe(threads.length);
    await runTurns();
    for (const threadId of threads) expect(await known(threadId)).toMatchObject({ headSeq: 1, unread: 1 });
    const { mail } = await store.counts();
    expect([await reconcile(store), await reconcile(store)]).toEqual([0, 0]);
    expect((await store.counts()).mail).toBe(mail);
  });

  test("goes on past a member of whose runtime nothing can be read", async () => {
    await openThread("th-1");
    await openThread("th-2", { member: "somebody" });
    const engine = createEngine({
      store,
      registry: new Registry([{ ...benchEntry, kind: "runtime" }]),
      doorbell,
    });
    const runtime = {
      kind: "runtime",
      address: "runtime/rt-1",
      subject: "somebody",
      input: { n: 1 },
    } as const;
    await store.transaction((tx) => engine.create(tx, runtime));
    await spoilRecord(store, runtime.address);
    expect(await reconcile(store)).toBe(1);
    await runTurns();
    expect(await known("th-1")).toMatchObject({ unread: 1 });
  });

  test("passes over members without an actor, and actors that are set aside", async () => {
    await openThread("th-none", { withActor: false });
    await openThread("th-odd");
    await openThread("th-1");
    const odd = addresses.participant("th-odd", reviewer);
    await store.transaction((tx) => tx.send([{ to: odd, from: "test", event: { type: "message.posted" } }]));
    await settleCharts({ store, registry: new Registry([]), nodeLostMs });
    expect((await store.getActor(odd))?.status).toBe("quarantined");
    expect(await reconcile(store)).toBe(1);
  });

  test("an actor stored by another chart stops nobody's healing, and is set aside", async () => {
    await openThread("th-1");
    await openThread("th-2");
    const old = addresses.participant("th-1", reviewer);
    const record = JSON.stringify({ snapshot: { status: "active", context: { cursor: 0 } } });
    await spoilRecord(store, old, { machineHash: "another", record });
    expect(await reconcile(store)).toBe(2);
    await runTurns();
    expect(await known("th-2")).toMatchObject({ headSeq: 1, unread: 1 });
    await settleCharts({ store, registry, nodeLostMs });
    expect((await store.getActor(old))?.status).toBe("quarantined");
    expect(await reconcile(store)).toBe(0);
  });
});
