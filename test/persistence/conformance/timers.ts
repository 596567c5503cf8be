import { describe, expect, test } from "vitest";

import { commit, creation, eventsOf, mailOf, newSubject, turnOf, type OpenStore } from "./subject.ts";

export function timersConform(open: OpenStore): void {
  const arm = (id: string, delayMs: number, incarnation = 1) => ({
    id,
    incarnation,
    delayMs,
    event: { type: `xstate.after.${id}`, incarnation },
  });

  describe("timers", () => {
    test("a timer fires when it is due, not a millisecond earlier, and once", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { timersArmed: [arm("t", 100, 4)] }));
      expect(await store.listTimers("thread/a")).toEqual([
        { id: "t", incarnation: 4, dueAt: clock.time + 100 },
      ]);
      clock.advance(99);
      expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 0, nextDueInMs: 1 });
      clock.advance(1);
      expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 1, nextDueInMs: null });
      expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 0, nextDueInMs: null });
      const cause = { type: "timer", id: "t", incarnation: 4 };
      const event = { type: "xstate.after.t", incarnation: 4 };
      expect(await mailOf(store, "thread/a")).toMatchObject([
        { from: "timer", event, cause, sentAt: clock.time },
      ]);
      expect(await store.listTimers("thread/a")).toEqual([]);
    });

    test("a fraction of a millisecond is waited in full", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { timersArmed: [arm("t", 0.2)] }));
      expect((await store.fireTimers({ limit: 1 })).fired).toBe(0);
      clock.advance(1);
      expect((await store.fireTimers({ limit: 1 })).fired).toBe(1);
    });

    test("a timer without delay fires at once", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { timersArmed: [arm("t", 0)] }));
      expect((await store.fireTimers({ limit: 10 })).fired).toBe(1);
    });

    test("after an outage a timer fires late, those due earlier first", async () => {
      const { store, clock } = newSubject(open);
      await commit(
        store,
        creation("thread/a", { timersArmed: [arm("late", 300), arm("early", 100), arm("mid", 200)] }),
      );
      clock.advance(86_400_000);
      expect(await store.fireTimers({ limit: 2 })).toEqual({ fired: 2, nextDueInMs: 0 });
      expect(await store.fireTimers({ limit: 2 })).toEqual({ fired: 1, nextDueInMs: null });
      const types = (await eventsOf(store, "thread/a")).map(({ type }) => type);
      expect(types).toEqual(["xstate.after.early", "xstate.after.mid", "xstate.after.late"]);
    });

    test("arming again replaces the timer", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { timersArmed: [arm("t", 100, 1)] }));
      await commit(store, turnOf("thread/a", { timersArmed: [arm("t", 500, 2)] }));
      clock.advance(400);
      expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 0, nextDueInMs: 100 });
      clock.advance(100);
      await store.fireTimers({ limit: 10 });
      expect((await mailOf(store, "thread/a")).map(({ cause }) => cause?.incarnation)).toEqual([2]);
    });

    test("a cancelled timer never fires; the same id of another actor does", async () => {
      const { store, clock } = newSubject(open);
      const timersArmed = [arm("t", 100)];
      await commit(store, creation("thread/a", { timersArmed }), creation("thread/b", { timersArmed }));
      await commit(
        store,
        turnOf("thread/a", { timersCancelled: ["t", "unknown"], timersArmed: [arm("u", 900)] }),
      );
      clock.advance(100);
      expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 1, nextDueInMs: 800 });
      expect(await mailOf(store, "thread/a")).toEqual([]);
      expect(await mailOf(store, "thread/b")).toHaveLength(1);
    });
  });
}
