import { expect, test } from "vitest";
import { WakeRate } from "../../../adapters/ports/wake-rate.ts";

test("one agent is typed to so often a minute, over all its threads", () => {
  const rate = new WakeRate({ agent: 2, thread: 100 });
  rate.note({ agentId: "ann", threadId: "th-1" }, 0);
  rate.note({ agentId: "ann", threadId: "th-2" }, 10_000);
  expect(rate.waitMs({ agentId: "ann", threadId: "th-3" }, 20_000)).toBe(40_000);
  expect(rate.waitMs({ agentId: "bob", threadId: "th-1" }, 20_000)).toBe(0);
  expect(rate.waitMs({ agentId: "ann", threadId: "th-3" }, 60_000)).toBe(0);
});

test("one thread has so many wakes typed a minute, for all its participants", () => {
  const rate = new WakeRate({ agent: 100, thread: 2 });
  rate.note({ agentId: "ann", threadId: "th-1" }, 0);
  rate.note({ agentId: "bob", threadId: "th-1" }, 0);
  expect(rate.waitMs({ agentId: "cid", threadId: "th-1" }, 15_000)).toBe(45_000);
  expect(rate.waitMs({ agentId: "cid", threadId: "th-2" }, 15_000)).toBe(0);
});
