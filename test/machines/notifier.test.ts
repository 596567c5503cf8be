import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultNotifierPolicy, notifierMeans, type Notification } from "../../machines/notifier/contract.ts";
import type { NotifierContext, NotifierEvent } from "../../machines/notifier/events.ts";
import { deadEnds, explore, unreachedStates, untakenTransitions } from "../../runtime/model/explore.ts";
import { begin, failure, walk, type Move, type Walked } from "../../runtime/model/model.ts";
import { modelPolicy, notifierModel, operator, raised } from "./notifier-model.ts";
import { wander } from "./script.ts";

describe("the notifier's chart", () => {
  const walked = notifierMeans.map((means) => explore(notifierModel(means), { limit: 4_000, depth: 12 }));

  test("reaches every state and takes every transition", () => {
    const { machine } = notifierModel("webhook");
    expect(unreachedStates(machine, walked)).toEqual([]);
    expect(untakenTransitions(machine, walked)).toEqual([]);
  });

  test("has a way out of every state", () => {
    expect(walked.flatMap((each) => deadEnds(each))).toEqual([]);
  });
});

/** One notifier, told step by step. */
class Story {
  readonly #model = notifierModel("webhook", defaultNotifierPolicy);
  #walked: Walked<NotifierContext> = begin(this.#model);

  get context(): NotifierContext {
    return this.#walked.after.context;
  }
  get state(): unknown {
    return this.#walked.after.value;
  }
  get now(): number {
    return this.#walked.after.now;
  }
  get sending(): Notification | undefined {
    return this.context.queue[0];
  }
  #take(move: Move): this {
    this.#walked = walk(this.#model, this.#walked.after, move);
    return this;
  }
  mail(event: NotifierEvent): this {
    return this.#take({ type: "mail", event: { ...event } });
  }
  /** Its one timer fires. */
  waits(): this {
    return this.#take({ type: "timer", timer: Object.keys(this.#walked.after.due)[0]! });
  }
  arrives(): this {
    return this.#take({ type: "done", invoke: "postWebhook", output: { status: 204 } });
  }
  fails(): this {
    return this.#take({ type: "failed", invoke: "postWebhook", error: failure("port_failed") });
  }
}

describe("a notifier", () => {
  test("makes one message of a flood, with its count and the first ten notices", () => {
    const story = new Story();
    const startedAt = story.now;
    for (let n = 0; n < 100; n += 1) story.mail(raised(n, `thread/th-${n}@1`));
    expect(story.state).toBe("collecting");
    story.waits();
    expect(story.now - startedAt).toBe(defaultNotifierPolicy.collectMs);
    expect(story.sending).toMatchObject({ count: 100, reasons: { unanswered: 100 } });
    expect(story.sending?.notices).toHaveLength(10);
    story.arrives();
    expect(story.state).toBe("quiet");
    expect(story.context.sent).toBe(1);
  });

  test("is quiet for a while after a message, and then tells of what came meanwhile as one", () => {
    const story = new Story().mail(raised(1)).waits().arrives();
    const sentAt = story.now;
    story.mail(raised(2)).mail(raised(3)).waits();
    expect(story.now - sentAt).toBe(defaultNotifierPolicy.quietMs);
    expect(story.sending?.count).toBe(2);
  });

  test("makes no message of its own of a thread that was told of lately; another thread takes it along", () => {
    const story = new Story().mail(raised(1)).waits().arrives();
    const sentAt = story.now;
    story.mail(raised(1, "again")).waits();
    expect(story.now - sentAt).toBe(defaultNotifierPolicy.threadQuietMs);
    story.arrives();
    const nextAt = story.now;
    story.mail(raised(1, "third")).mail(raised(2)).waits();
    expect(story.now - nextAt).toBe(defaultNotifierPolicy.quietMs);
    expect(story.sending?.notices.map(({ noticeId }) => noticeId)).toEqual([
      "third",
      "participant/th-2.bob@1",
    ]);
  });

  test("keeps what was given up, and sends it again under its id when it is asked to", () => {
    const story = new Story().mail(raised(1)).waits();
    const id = story.sending?.notificationId;
    story.fails();
    expect(story.state).toBe("quiet");
    expect(story.context.undelivered.map(({ notificationId }) => notificationId)).toEqual([id]);
    story.mail({ type: "retry.requested", ...operator });
    expect(story.sending?.notificationId).toBe(id);
    story.arrives();
    expect(story.context).toMatchObject({ undelivered: [], sent: 1, givenUp: 1 });
  });

  test("gives up what no node takes on, after a bound", () => {
    const story = new Story().mail(raised(1)).waits().waits();
    expect(story.context).toMatchObject({ givenUp: 1, queue: [] });
  });

  test("sends a trial at once, and is not quiet for it", () => {
    const story = new Story().mail({ type: "test.requested", ...operator });
    expect(story.sending?.reasons).toEqual({ test: 1 });
    const sentAt = story.arrives().now;
    story.mail(raised(1)).waits();
    expect(story.now - sentAt).toBe(defaultNotifierPolicy.collectMs);
  });

  test("keeps one trial at most, however often it is asked for one while nothing arrives", () => {
    const story = new Story().mail(raised(1)).waits();
    for (let n = 0; n < 5; n += 1) story.mail({ type: "test.requested", ...operator });
    expect(story.context.queue.map(({ reasons }) => reasons)).toEqual([{ unanswered: 1 }, { test: 1 }]);
  });

  test("collects nothing while it is off, and obeys operators alone", () => {
    const story = new Story().mail(raised(1));
    story.mail({ type: "notifier.switched", isOn: false, ...operator, role: "participant" });
    expect(story.state).toBe("collecting");
    story.mail({ type: "notifier.switched", isOn: false, ...operator });
    story.mail(raised(2)).mail({ type: "test.requested", ...operator });
    expect([story.state, story.context.waiting, story.context.queue]).toEqual(["off", null, []]);
    story.mail({ type: "notifier.switched", isOn: true, ...operator });
    expect(story.state).toBe("quiet");
  });
});

test("whatever happens, every notice that is collected is told or waits, ids are never reused, and memory is bounded", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 60 }), (choices) => {
      const model = notifierModel("command", modelPolicy);
      let { after } = begin(model);
      const ids = new Set<string>();
      for (const move of wander(model, choices)) {
        const before = after.context;
        ({ after } = walk(model, after, move));
        const { context } = after;
        const made = context.queue.slice(before.queue.length).filter(() => context.made > before.made);
        for (const { notificationId, count, reasons, notices } of made) {
          expect(ids.has(notificationId)).toBe(false);
          ids.add(notificationId);
          expect(Object.values(reasons).reduce((sum, each) => sum + each, 0)).toBe(count);
          expect(notices.length).toBeGreaterThan(0);
        }
        expect(context.sent + context.givenUp).toBeLessThanOrEqual(context.made + context.givenUp);
        expect(context.undelivered.length).toBeLessThanOrEqual(20);
        expect(Object.keys(context.toldAt).length).toBeLessThanOrEqual(200);
        const invokes = Object.keys(after.record.invokes).length;
        expect(invokes).toBe(JSON.stringify(after.value).includes("sending") ? 1 : 0);
        if (after.value === "collecting") expect(context.waiting).not.toBeNull();
        if (after.value === "quiet") expect([context.waiting, context.queue]).toEqual([null, []]);
      }
    }),
    { numRuns: 200 },
  );
});
