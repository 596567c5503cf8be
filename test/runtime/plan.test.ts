import { expect, test } from "vitest";
import type { Intent, Step } from "../../runtime/kernel.ts";
import { Plan } from "../../runtime/plan.ts";
import type { Mail } from "../../runtime/store.ts";
import { benchEntry } from "./bench-chart.ts";

const record = { snapshot: { status: "active" }, incarnation: 3, invokes: {}, timers: {} };
const mail: Mail = { id: "1", from: "test", event: { type: "fetch" }, cause: null, sentAt: 0 };

const openPlan = () =>
  new Plan({ address: "bench/1", kind: "bench", subject: "" }, benchEntry, { version: 4, record });

const stepWith = (intents: Intent[]): Step => ({
  record: { ...record, incarnation: 9 },
  intents,
  transitions: ["t"],
  states: ["s"],
  dropped: null,
});

const invoke = (incarnation: number, input: unknown): Intent => ({
  type: "invoke",
  id: "fetchPart",
  incarnation,
  port: "fetchPart",
  input,
});
const stop = (incarnation: number): Intent => ({ type: "stopInvoke", id: "fetchPart", incarnation });
const arm = (incarnation: number): Intent => ({
  type: "armTimer",
  id: "t",
  incarnation,
  delayMs: 5,
  event: { type: "tick" },
});
const cancel = (incarnation: number): Intent => ({ type: "cancelTimer", id: "t", incarnation });

function commitOf(...intents: Intent[]) {
  const plan = openPlan();
  plan.apply(stepWith(intents), mail);
  return plan.commit();
}

test.each([
  ["whose input its port refuses", invoke(6, { n: "one" })],
  ["of a port that the chart does not list", { ...invoke(6, { n: 1 }), port: "unknownPart" } as Intent],
])("a step with an invoke %s leaves no trace but its dead letter", (_, refused) => {
  const plan = openPlan();
  plan.consume(mail);
  const intents: Intent[] = [
    { type: "send", to: "bench/2", event: { type: "told" } },
    { type: "publish", topic: "everybody", event: { type: "told" } },
    arm(4),
    invoke(5, { n: 1 }),
    stop(2),
    refused,
  ];
  let error: unknown;
  try {
    plan.apply(stepWith(intents), mail);
  } catch (thrown) {
    error = thrown;
  }
  plan.quarantine(mail, error);
  expect(plan.commit()).toMatchObject({
    actor: { status: "quarantined", version: 5, record: JSON.stringify(record) },
    consumed: [mail],
    outgoing: [],
    // People hear of it.
    published: [{ topic: "people", event: { reason: "quarantined", noticeId: "bench/1@5" } }],
    timersArmed: [],
    effectsRequested: [],
    effectsCancelled: [],
    deadLetters: [{ mail }],
    journal: [{ seq: 5, dropped: "poison" }],
  });
});

test("an effect that is asked for and withdrawn within one turn is never requested", () => {
  const commit = commitOf(invoke(4, { n: 1 }), stop(4), invoke(5, { n: 2 }));
  expect(commit.effectsRequested).toMatchObject([{ incarnation: 5, input: { n: 2 } }]);
  expect(commit.effectsCancelled).toEqual([]);
  expect(commitOf(stop(2)).effectsCancelled).toEqual([{ incarnation: 2 }]);
});

test("of a timer's changes within one turn the last one counts", () => {
  expect(commitOf(arm(4), cancel(4))).toMatchObject({ timersArmed: [], timersCancelled: ["t"] });
  expect(commitOf(cancel(2), arm(4))).toMatchObject({
    timersArmed: [{ incarnation: 4 }],
    timersCancelled: [],
  });
});
