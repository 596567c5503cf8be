import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { RouseError } from "../../runtime/errors.ts";
import { Loop, type LoopOptions, type NextTick } from "../../runtime/loop.ts";
import type { Doorbell } from "../../runtime/store.ts";
import { ManualClock } from "../manual-clock.ts";

describe("a loop", () => {
  let clock: ManualClock;
  let ticks: number[];
  let errors: unknown[];
  /** What the next ticks do; afterwards each asks to wait. */
  let script: (() => Promise<NextTick>)[];
  let doorbell: Doorbell;
  const restMs = 1_000;

  beforeEach(() => {
    clock = new ManualClock();
    doorbell = createMemoryDoorbell();
    ticks = [];
    errors = [];
    script = [];
  });

  const begin = (options: Partial<LoopOptions> = {}): Loop => {
    const loop = new Loop({
      name: "test",
      tick: () => {
        ticks.push(clock.now() - beginning);
        return script.shift()?.() ?? Promise.resolve({ againInMs: restMs });
      },
      clock,
      doorbell,
      onError: (error) => errors.push(error),
      ...options,
    });
    const beginning = clock.now();
    loop.start();
    return loop;
  };
  const again = (againInMs: number) => () => Promise.resolve({ againInMs });
  const fails = () => Promise.reject(new Error("no"));
  const atRest = () => clock.advance(0);
  /** A tick that lasts until told. */
  const held = () => {
    const gate = Promise.withResolvers<{ againInMs: number }>();
    script.push(() => gate.promise);
    return gate;
  };

  test("looks again when the tick said, and at once when it said so", async () => {
    script = [again(0), again(0), again(300)];
    const loop = begin();
    await clock.advance(1_300);
    expect(ticks).toEqual([0, 0, 0, 300, 1_300]);
    await loop.stop();
  });

  test("rings that come together cause one tick, at once", async () => {
    const loop = begin();
    await clock.advance(10);
    for (let ring = 0; ring < 5; ring += 1) doorbell.ring();
    await atRest();
    expect(ticks).toEqual([0, 10]);
    await loop.stop();
  });

  test("a ring during a tick is not lost, and several count once", async () => {
    const gate = held();
    const loop = begin();
    await atRest();
    doorbell.ring();
    await atRest();
    doorbell.ring();
    await atRest();
    expect(ticks).toEqual([0]);
    gate.resolve({ againInMs: restMs });
    await atRest();
    expect(ticks).toEqual([0, 0]);
    await clock.advance(restMs - 1);
    expect(ticks).toEqual([0, 0]);
    await loop.stop();
  });

  test("failures are told, back off to a bound, and a success ends the backoff", async () => {
    script = [...Array.from({ length: 8 }, () => fails), again(50)];
    const loop = begin();
    await clock.advance(20_000);
    const waits = ticks.slice(1).map((at, index) => at - ticks[index]!);
    expect(waits.slice(0, 10)).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 50, restMs]);
    expect(errors).toHaveLength(8);
    await loop.stop();
  });

  test("a database that is away is asked every second, so that its return is soon noticed", async () => {
    const isAway = () => Promise.reject(new RouseError("database_unavailable", "away"));
    script = Array.from({ length: 8 }, () => isAway);
    const loop = begin();
    await clock.advance(20_000);
    const waits = ticks.slice(1).map((at, index) => at - ticks[index]!);
    expect(waits.slice(0, 8)).toEqual([100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
    await loop.stop();
  });

  test("a tick that throws before it awaits counts as a failure", async () => {
    script = [
      () => {
        throw new Error("at once");
      },
    ];
    const loop = begin();
    await clock.advance(100);
    expect(ticks).toEqual([0, 100]);
    await loop.stop();
  });

  test("a ring does not defeat the backoff, neither during the failing tick nor after it", async () => {
    const gate = held();
    const loop = begin();
    await atRest();
    doorbell.ring();
    await atRest();
    gate.reject(new Error("no"));
    await clock.advance(50);
    doorbell.ring();
    await clock.advance(49);
    expect(ticks).toEqual([0]);
    await clock.advance(1);
    expect(ticks).toEqual([0, 100]);
    doorbell.ring();
    await atRest();
    expect(ticks).toEqual([0, 100, 100]);
    await loop.stop();
  });

  test("a tick that asks for a rest is followed by none before its end, whoever rings, and by one at its end", async () => {
    script = [() => Promise.resolve({ againInMs: restMs, notBeforeMs: 5 })];
    begin();
    await clock.advance(2);
    doorbell.ring();
    await clock.advance(2);
    expect(ticks).toEqual([0]);
    await clock.advance(1);
    expect(ticks).toEqual([0, 5]);
  });

  test("stopping ends a rest", async () => {
    script = [() => Promise.resolve({ againInMs: 0, notBeforeMs: 5 })];
    const loop = begin();
    await atRest();
    await loop.stop();
    expect(ticks).toEqual([0]);
  });

  test("only rings for its own work wake it", async () => {
    const loop = begin({ work: "timers" });
    await atRest();
    doorbell.ring(["mail", "effects"]);
    doorbell.ring([]);
    await atRest();
    expect(ticks).toEqual([0]);
    doorbell.ring(["mail", "timers"]);
    await atRest();
    doorbell.ring();
    await atRest();
    expect(ticks).toEqual([0, 0, 0]);
    await loop.stop();
  });

  test("stopping waits for the tick under way, and nothing ticks afterwards", async () => {
    const gate = held();
    const loop = begin();
    await atRest();
    let stopped = false;
    const stopping = loop.stop().then(() => (stopped = true));
    await atRest();
    expect(stopped).toBe(false);
    gate.resolve({ againInMs: 0 });
    await stopping;
    doorbell.ring();
    await clock.advance(10_000);
    expect(ticks).toEqual([0]);
  });

  test("stopping ends a rest or a backoff at once", async () => {
    const resting = begin();
    await atRest();
    await resting.stop();
    script = [fails];
    const failing = begin();
    await atRest();
    await failing.stop();
    expect(ticks).toEqual([0, 0]);
  });

  test("starting twice is starting once; stopping twice, or what never began, does nothing", async () => {
    const loop = begin();
    loop.start();
    await atRest();
    doorbell.ring();
    await atRest();
    expect(ticks).toEqual([0, 0]);
    await Promise.all([loop.stop(), loop.stop()]);
    await loop.stop();
  });

  test("can be started again after it has stopped", async () => {
    const loop = begin();
    await atRest();
    await loop.stop();
    loop.start();
    await clock.advance(restMs);
    expect(ticks).toEqual([0, 0, restMs]);
    await loop.stop();
  });
});
