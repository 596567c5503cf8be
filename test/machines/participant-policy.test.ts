import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { blockFor, isLiftedBy, isLiftedByWays } from "../../machines/participant/block.ts";
import type { AgentFacts } from "../../machines/participant/contract.ts";
import {
  isRateLimited,
  mayWaitFor,
  obstacle,
  rateDeferral,
  withDeferral,
} from "../../machines/participant/deferral.ts";
import { delays } from "../../machines/participant/delays.ts";
import type { ParticipantContext, Wake } from "../../machines/participant/events.ts";
import {
  agentAfter,
  cursorAfter,
  cursorAfterPost,
  preferredRuntime,
} from "../../machines/participant/facts.ts";
import { mayResume, maySpawn, mayTrigger, mustBlock } from "../../machines/participant/policy.ts";
import {
  openWake,
  runtimeIdFor,
  withFailedResume,
  withFailedSpawn,
  withFailedTrigger,
  withHop,
} from "../../machines/participant/wake.ts";
import { deferReasons, type BlockReason } from "../../machines/reasons.ts";
import { runtimeStates } from "../../machines/runtime/contract.ts";
import { beginning } from "../../runtime/model/model.ts";
import {
  dialog,
  fullAgent,
  input,
  liveAgent,
  modelPolicy,
  noAgent,
  runtime,
  session,
} from "./participant-model.ts";

const now = beginning;

function context(
  agent: AgentFacts,
  wake: Partial<Wake> = {},
  more: Partial<ParticipantContext> = {},
): ParticipantContext {
  const { pausedBy, ...given } = input(agent);
  const plain: ParticipantContext = {
    ...given,
    headSeq: 1,
    lastReadSeq: 0,
    unread: 1,
    wakeCount: 1,
    wake: null,
    recentWakes: [],
    blocked: null,
    threadBlock: null,
    pausedBy,
    owed: null,
    ...more,
  };
  return { ...plain, wake: { ...openWake({ ...plain, wakeCount: 0 }, { at: now, forced: false }), ...wake } };
}

describe("the cursor", () => {
  it("counts each post once and only above what was read", () => {
    const once = cursorAfterPost({ headSeq: 3, lastReadSeq: 3, unread: 0 }, 4);
    expect(once).toEqual({ headSeq: 4, lastReadSeq: 3, unread: 1 });
    expect(cursorAfterPost(once, 4)).toEqual(once);
    expect(cursorAfterPost({ headSeq: 3, lastReadSeq: 5, unread: 0 }, 4).unread).toBe(0);
  });

  it("never goes back, and a count older than our newest message leaves that one unread", () => {
    const known = { headSeq: 5, lastReadSeq: 3, unread: 2 };
    expect(cursorAfter(known, { lastReadSeq: 1, unread: 4 }).lastReadSeq).toBe(3);
    expect(cursorAfter(known, { lastReadSeq: 4, unread: 0 })).toEqual({
      headSeq: 5,
      lastReadSeq: 4,
      unread: 1,
    });
    expect(cursorAfter(known, { lastReadSeq: 5, unread: 0 }).unread).toBe(0);
  });

  it("keeps the later heartbeat when reconciliation lags behind", () => {
    const known = { ...noAgent, lastHeartbeatAt: 20 };
    expect(agentAfter(known, { ...noAgent, lastHeartbeatAt: 10 }).lastHeartbeatAt).toBe(20);
    expect(agentAfter(noAgent, noAgent).lastHeartbeatAt).toBeNull();
  });
});

describe("the runtime that counts", () => {
  const old = runtime("idle");
  const fresh = runtime("launching", { runtimeId: "rt-2" });

  it("is a living one rather than a dead one", () => {
    expect(preferredRuntime(runtime("dead"), fresh, null)).toBe(fresh);
    expect(preferredRuntime(old, { ...fresh, state: "dead" }, "rt-2")).toBe(old);
  });

  it("is the one this wake started rather than another living one", () => {
    expect(preferredRuntime(old, fresh, "rt-2")).toBe(fresh);
    expect(preferredRuntime(old, fresh, null)).toBe(old);
  });

  it("is a managed one rather than an unmanaged one", () => {
    expect(preferredRuntime(runtime("idle", { management: "unmanaged" }), fresh, null)).toBe(fresh);
  });
});

describe("what stands in the way of typing", () => {
  it("is everything but idle; an unknown screen is not idle", () => {
    const typeable = runtimeStates.filter((state) =>
      mayTrigger(context({ ...liveAgent, runtime: runtime(state) })),
    );
    expect(typeable).toEqual(["idle", "limited"]);
    expect(mustBlock(context({ ...liveAgent, runtime: runtime("limited") }), now)).toBe(true);
  });

  it("lets an operator's override pass a person and a busy agent, never a dialog or an unknown screen", () => {
    const passed = runtimeStates.filter((state) =>
      mayTrigger(context({ ...liveAgent, runtime: runtime(state) }, { forced: true })),
    );
    expect(passed).toEqual(["idle", "busy", "humanTyping", "limited"]);
  });

  it("lets no override pass when bytes of an uncertain delivery may stand in the box", () => {
    const busy = { ...liveAgent, runtime: runtime("busy") };
    expect(obstacle(context(busy, { forced: true, uncertain: true }))).toBe("agentBusy");
  });

  it("is never typed into when unmanaged or paused, override or not", () => {
    for (const facts of [{ management: "unmanaged" }, { injection: "paused" }] as const) {
      const agent = { ...liveAgent, runtime: runtime("idle", facts) };
      expect(mayTrigger(context(agent, { forced: true }))).toBe(false);
    }
    expect(mayTrigger(context(liveAgent, { forced: true }, { pausedBy: ["workspace"] }))).toBe(false);
  });
});

describe("patience", () => {
  it("ends after deferMaxMs for a person and after ackExtendedMs for visible work", () => {
    const at = context(liveAgent, { deferReason: "draftPresent", deferredSince: now, waitingSince: now });
    expect(mayWaitFor("humanTyping", at, now + 9)).toBe(true);
    expect(mayWaitFor("humanTyping", at, now + 10)).toBe(false);
    expect(mayWaitFor("agentBusy", at, now + 24)).toBe(true);
    expect(mayWaitFor("agentBusy", at, now + 25)).toBe(false);
  });

  it("is bounded in all although its reasons alternate", () => {
    const reasons = fc.infiniteStream(
      fc.constantFrom(...deferReasons.filter((reason) => reason !== "rateLimited")),
    );
    fc.assert(
      fc.property(reasons, (stream) => {
        const at = context(liveAgent);
        let time = now;
        for (const reason of stream) {
          if (!mayWaitFor(reason, at, time)) break;
          at.wake = withDeferral(at.wake!, { reason, recheckMs: 1 }, time);
          time += 1;
        }
        expect(time - now).toBeLessThanOrEqual(modelPolicy.ackExtendedMs);
      }),
    );
  });

  it("under the rate limit lasts until the oldest wake leaves the window", () => {
    const at = context(liveAgent, {}, { recentWakes: [now - 30, now - 10] });
    expect(isRateLimited(at, now)).toBe(true);
    expect(rateDeferral(at, now)).toEqual({ reason: "rateLimited", recheckMs: 10 });
    expect(isRateLimited(at, now + 10)).toBe(false);
    expect(isRateLimited(context(liveAgent, { forced: true }, { recentWakes: [now, now] }), now)).toBe(false);
  });
});

describe("resume", () => {
  const dead = { ...fullAgent, runtime: runtime("dead") };

  it("needs a resumable session and attempts that are left", () => {
    expect(mayResume(context(dead), now)).toBe(true);
    expect(mayResume(context({ ...dead, session: null }), now)).toBe(false);
    expect(mayResume(context({ ...dead, session: { ...session, resumable: false } }), now)).toBe(false);
    expect(mayResume(context(dead, { resumes: 2 }), now)).toBe(false);
  });

  it("is skipped while a living process may hold the session, and in a crash loop", () => {
    expect(mayResume(context(fullAgent), now)).toBe(false);
    expect(mayResume(context({ ...dead, runtime: runtime("crashLooping") }), now)).toBe(false);
    const attached = runtime("idle", { management: "unmanaged" });
    expect(mayResume(context({ ...dead, runtime: attached }), now)).toBe(false);
    expect(mayResume(context({ ...dead, runtime: { ...attached, sessionId: "other" } }), now)).toBe(true);
  });

  it("is skipped when the last heartbeat is more than twelve hours old", () => {
    const hour = 3_600_000;
    expect(mayResume(context({ ...dead, lastHeartbeatAt: now - 12 * hour }), now)).toBe(true);
    expect(mayResume(context({ ...dead, lastHeartbeatAt: now - 12 * hour - 1 }), now)).toBe(false);
  });

  it("trusts a delivery that found no terminal more than the last report", () => {
    const wake = context(fullAgent).wake!;
    const failed = withFailedTrigger(wake, { at: now, reason: "bareShell" }, 2);
    expect(mayResume(context(fullAgent, failed), now)).toBe(true);
    const unsubmitted = withFailedTrigger(wake, { at: now, reason: "notSubmitted" }, 2);
    expect(mayResume(context(fullAgent, unsubmitted), now)).toBe(false);
  });

  it("is not tried again in this wake once the session is held", () => {
    const wake = withFailedResume(context(dead).wake!, { at: now, reason: "sessionHeld" }, 2);
    expect(mayResume(context(dead, wake), now)).toBe(false);
    expect(maySpawn(context(dead, wake))).toBe(true);
  });
});

describe("a block", () => {
  const reasonWith = (agent: AgentFacts, wake: Partial<Wake> = {}): BlockReason =>
    blockFor(context(agent, wake), now).reason;

  it("names the dialog that nobody answers", () => {
    const kinds = ["permission", "trust", "login", "update"] as const;
    const reasons = kinds.map((kind) => reasonWith({ ...liveAgent, runtime: dialog(kind) }));
    expect(reasons).toEqual(["permissionPending", "trustPending", "loginRequired", "updatePending"]);
  });

  it("names the want of a channel, and exhaustion only when something was tried", () => {
    expect(reasonWith({ ...noAgent, runtime: runtime("crashLooping") })).toBe("crashLooping");
    expect(reasonWith({ ...noAgent, runtime: runtime("stale") })).toBe("hostDown");
    expect(reasonWith({ ...noAgent, runtime: runtime("idle", { management: "unmanaged" }) })).toBe(
      "unmanaged",
    );
    expect(reasonWith(noAgent)).toBe("unmanaged");
    const tried = withFailedResume(context(noAgent).wake!, { at: now, reason: "launchFailed" }, 2);
    expect(reasonWith(noAgent, tried)).toBe("exhausted");
    const unheard = withFailedSpawn(context(noAgent).wake!, { at: now, reason: "hostSilent" }, 1);
    expect(reasonWith(noAgent, unheard)).toBe("hostDown");
    expect(reasonWith(liveAgent)).toBe("exhausted");
    expect(reasonWith(liveAgent, { deferReason: "draftPresent" })).toBe("humanPresent");
  });

  it("tells what was tried, and how the last terminal ended", () => {
    const ended = {
      ...noAgent,
      runtime: runtime("dead", { detail: "the program ended with exit code 127" }),
    };
    const tried = withFailedResume(context(ended).wake!, { at: now, reason: "launchFailed" }, 2);
    expect(blockFor(context(ended, tried), now).detail).toBe(
      "Every channel was tried and nobody acknowledged. Tried: resume launchFailed. " +
        "Its last terminal: the program ended with exit code 127.",
    );
  });

  it("keeps the reset of a usage limit only while it lies ahead", () => {
    const limited = (limitedUntil: number) => ({
      ...liveAgent,
      runtime: runtime("limited", { limitedUntil }),
    });
    expect(blockFor(context(limited(now + 5)), now)).toMatchObject({ reason: "usageLimit", until: now + 5 });
    expect(blockFor(context(limited(now)), now).until).toBeNull();
  });

  it("for a person is lifted by news of an idle terminal, not by the same report again", () => {
    const block = blockFor(context(liveAgent, { deferReason: "draftPresent" }), now);
    expect(isLiftedBy(block, runtime("busy"), runtime("idle"))).toBe(true);
    expect(isLiftedBy(block, runtime("idle"), runtime("idle"))).toBe(false);
    expect(isLiftedBy(block, runtime("idle"), runtime("dead"))).toBe(true);
  });

  it("by exhaustion or command is lifted by no report", () => {
    for (const reason of ["exhausted", "operator", "loopNoProgress"] as const) {
      const block = { ...blockFor(context(liveAgent), now), reason };
      expect(isLiftedBy(block, runtime("dead"), runtime("idle"))).toBe(false);
      expect(isLiftedByWays(block, noAgent, fullAgent)).toBe(false);
    }
  });

  it("for want of a channel is lifted by a new session or launch definition", () => {
    const block = blockFor(context(noAgent), now);
    expect(isLiftedByWays(block, noAgent, { ...noAgent, session })).toBe(true);
    expect(isLiftedByWays(block, noAgent, { ...noAgent, spawnHost: "host-a" })).toBe(true);
    expect(isLiftedByWays(block, fullAgent, fullAgent)).toBe(false);
  });
});

describe("a wake", () => {
  it("keeps its last sixteen hops, and repeated deferrals as one", () => {
    const defer = { hop: "trigger", at: now, outcome: "deferred", reason: "draftPresent" } as const;
    const twice = withHop(withHop(context(liveAgent).wake!, defer), defer);
    expect(twice.hops).toHaveLength(1);
    const fail = { hop: "trigger", at: now, outcome: "failed", reason: "portFailed" } as const;
    const many = Array.from({ length: 30 }).reduce<Wake>((wake) => withHop(wake, fail), twice);
    expect(many.hops).toHaveLength(16);
  });

  it("gives every resume and spawn a runtime id of its own within 64 characters", () => {
    const id = (limit: number) =>
      fc.stringMatching(/^[a-z0-9][a-z0-9-]*$/).map((text) => text.slice(0, limit));
    const hop = fc.record({
      threadId: id(24),
      agentId: id(32),
      wakeCount: fc.integer({ min: 1, max: 1_000_000 }),
      nth: fc.integer({ min: 1, max: 9 }),
      kind: fc.constantFrom("resume" as const, "spawn" as const),
    });
    const spell = ({
      threadId,
      agentId,
      wakeCount,
      nth,
      kind,
    }: typeof hop extends fc.Arbitrary<infer T> ? T : never) => {
      const at = context(fullAgent, { resumes: nth, spawns: nth }, { threadId, agentId, wakeCount });
      return runtimeIdFor(at, kind);
    };
    fc.assert(
      fc.property(hop, hop, (one, other) => {
        expect(spell(one)).toMatch(/^[a-z0-9-]{1,64}$/);
        expect(spell(one) === spell(other)).toBe(JSON.stringify(one) === JSON.stringify(other));
      }),
      { numRuns: 500 },
    );
    const first = { threadId: "a-b", agentId: "c", wakeCount: 3, nth: 1, kind: "resume" } as const;
    expect(spell(first)).toBe("a-b-c-3r13");
    expect(spell({ ...first, threadId: "a", agentId: "b-c" })).toBe("a-b-c-3r11");
    const longest = { ...first, threadId: "t".repeat(24), agentId: "g".repeat(32), wakeCount: 1_000_000 };
    expect(spell(longest)).toHaveLength(64);
  });

  it("waits longer after each delivery, and gives a silent host more time than all attempts of a port", () => {
    const waits = [1, 2, 3].map((triggers) =>
      delays.retryBackoff({ context: context(liveAgent, { triggers }), event: { type: "x" } }),
    );
    expect(waits).toEqual([1, 2, 4]);
    expect(delays.deliveryBound).toBeGreaterThan(20_000);
    expect(delays.resumeBound).toBeGreaterThan(3 * 20_000);
  });
});
