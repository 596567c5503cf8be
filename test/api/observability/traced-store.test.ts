import { describe, expect, test } from "vitest";
import { aroundCalls } from "../../../api/observability/around-call.ts";
import { requestScope } from "../../../api/observability/request-scope.ts";
import {
  carrierFor,
  carrierIn,
  parseTraceparent,
  recordWith,
  splitRecord,
} from "../../../api/observability/trace-carrier.ts";
import { traceScope } from "../../../api/observability/trace-scope.ts";
import { traceStore } from "../../../api/observability/traced-store.ts";
import type { SpanStart, Tracing } from "../../../api/observability/tracing.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld, type World } from "../world.ts";

/** Records every trace, or none. */
class FakeTracing implements Tracing {
  readonly started: SpanStart[] = [];
  readonly #isOn: boolean;

  constructor(isOn: boolean) {
    this.#isOn = isOn;
  }

  start(span: SpanStart) {
    if (!this.#isOn) return null;
    this.started.push(span);
    const spanId = String(this.started.length).padStart(16, "0");
    return { traceparent: `00-${"a".repeat(32)}-${spanId}-01`, end: () => {} };
  }

  async close(): Promise<void> {}
}

const clock = new ManualClock();

async function worldWith(tracing: Tracing): Promise<{ world: World; plain: Store }> {
  const plain = createMemoryStore({ workspaceId: "w", clock });
  const world = await createWorld(clock, traceStore(plain, tracing));
  world.workspace.aroundCall = aroundCalls(() => {}, tracing);
  return { world, plain };
}

async function converse(world: World): Promise<void> {
  const ann = callerOf(world, "ann");
  await world.call("create_thread", ann, { thread_id: "th-1", title: "x", participants: ["bob"] });
  await world.settle();
  await world.call("post_message", ann, { thread_id: "th-1", body: "Look" });
  await world.settle();
}

describe("the traced store", () => {
  test("writes the call's trace into the mail, and each turn's into what follows from it", async () => {
    const tracing = new FakeTracing(true);
    const { world, plain } = await worldWith(tracing);
    await converse(world);
    const names = tracing.started.map(({ name }) => name);
    expect(names).toContain("post_message");
    const turn = tracing.started.find(
      ({ name, attributes }) => name === "turn thread" && attributes["rouse.version"] === 2,
    );
    const post = names.indexOf("post_message") + 1;
    expect(turn?.parent).toContain(String(post).padStart(16, "0"));
    const journal = await plain.listJournal({ address: "thread/th-1", limit: 10 });
    expect(journal.at(-1)?.event).toMatchObject({ type: "message.posted", traceparent: turn?.parent });
  });

  test("keeps what an actor is about through an event that nobody traced", async () => {
    const { world, plain } = await worldWith(new FakeTracing(true));
    await converse(world);
    const address = "participant/th-1.bob";
    const before = splitRecord((await plain.getActor(address))?.record ?? "", 0);
    expect(before.carrier).not.toBeNull();
    await plain.transaction((tx) =>
      tx.send([{ to: address, from: "test", event: { type: "unknown.event" } }]),
    );
    await world.settle();
    const after = splitRecord((await plain.getActor(address))?.record ?? "", 0);
    expect(after.carrier).toEqual(before.carrier);
    expect(JSON.parse(after.record)).not.toHaveProperty("trace");
  });

  test("leaves no byte in any row of what nobody records", async () => {
    const { world, plain } = await worldWith(new FakeTracing(false));
    await converse(world);
    const journal = await plain.listJournal({ limit: 100 });
    expect(journal.length).toBeGreaterThan(3);
    expect(JSON.stringify(journal)).not.toContain("traceparent");
  });

  test("begins no trace for a caller whose trace is not recorded, and goes on with one that is", async () => {
    const tracing = new FakeTracing(true);
    const { world } = await worldWith(tracing);
    const traceparent = `00-${"c".repeat(32)}-${"d".repeat(16)}-01`;
    const scope = { requestId: "r", surface: "rest", traceparent } as const;
    await requestScope.run(scope, () => world.call("get_status", callerOf(world, "op", "operator"), {}));
    expect(tracing.started).toMatchObject([{ name: "get_status", parent: traceparent }]);
    expect(traceScope.getStore()).toBeUndefined();
  });
});

describe("a carried trace", () => {
  const carrier = carrierFor(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, 1_000_000);

  test("ends after a quarter of an hour, so that timers armed for ever do not draw it out for ever", () => {
    expect(carrierIn({ ...carrier }, 1_000_000 + 900_000)).toEqual(carrier);
    expect(carrierIn({ ...carrier }, 1_000_000 + 900_001)).toBeNull();
  });

  test.each([null, "x", 7, {}, { traceparent: "00-zz-b-01", tracestate: "" }, { ...carrier, tracestate: 5 }])(
    "is not read from %j",
    (value) => expect(carrierIn(value, 0)).toBeNull(),
  );

  test("stands at the end of an actor's record, which is found again as it was", () => {
    const record = JSON.stringify({ snapshot: { note: ',"trace":{}}' }, incarnation: 0 });
    expect(splitRecord(recordWith(record, carrier), 1_000_000)).toEqual({ record, carrier });
    expect(splitRecord(record, 1_000_000)).toEqual({ record, carrier: null });
    expect(splitRecord(recordWith(record, carrier), 9_000_000)).toEqual({ record, carrier: null });
  });

  test("is the standard's: version, trace, span, flags", () => {
    expect(parseTraceparent(carrier.traceparent)).toEqual({
      traceId: "a".repeat(32),
      spanId: "b".repeat(16),
      isSampled: true,
    });
    expect(parseTraceparent(`00-${"0".repeat(32)}-${"b".repeat(16)}-01`)).toBeNull();
  });
});
