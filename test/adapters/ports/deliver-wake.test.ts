import { beforeEach, describe, expect, test } from "vitest";
import { addresses } from "../../../machines/mail.ts";
import type { RuntimeContext } from "../../../machines/runtime/events.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { eagerStage, type Stage } from "./stage.ts";

const input = {
  wakeId: "th-1.reviewer.1",
  threadId: "th-1",
  agentId: "reviewer",
  host: "here",
  runtimeId: "rt",
  attempt: 1,
  unread: 2,
  quietWindowMs: 20_000,
  force: false,
};
const line = "[rouse th-1.reviewer.1] 2 unread in thread th-1: call read_messages, then ack_read.";

let stage: Stage;
let address: TerminalAddress;

beforeEach(async () => {
  stage = eagerStage();
  address = await stage.launch("rt");
  stage.addRuntime("rt", { address });
});

const wake = (changes: object = {}) => stage.perform("deliverWake", { ...input, ...changes });

async function expectNothingWritten(): Promise<void> {
  expect(stage.started).toBe(0);
  expect((await stage.terminal.view(address)).lines.join("\n")).not.toContain("[rouse");
}

/** The screen wraps, so white space does not count. */
async function shownText(): Promise<string> {
  return (await stage.terminal.view(address)).lines.join("").replaceAll(/\s/g, "");
}

describe("delivering a wake", () => {
  test("types the fixed pointer line, once, and submits it", async () => {
    const result = await wake();
    expect(result).toMatchObject({
      verdict: "delivered",
      evidence: { channel: "scripted", bytes: line.length },
    });
    expect(stage.started).toBe(1);
    expect((await shownText()).split(line.replaceAll(/\s/g, ""))).toHaveLength(2);
  });

  test.each<[string, Partial<RuntimeContext>, object]>([
    ["an unmanaged runtime", { management: "unmanaged" }, { verdict: "refused", reason: "unmanaged" }],
    ["a paused runtime", { injection: "paused" }, { verdict: "refused", reason: "injectionPaused" }],
    ["a runtime of another host", { host: "there" }, { verdict: "refused", reason: "identityMismatch" }],
    ["a runtime of another agent", { agentId: "other" }, { verdict: "refused", reason: "identityMismatch" }],
    ["a runtime without a terminal", { address: null }, { verdict: "refused", reason: "terminalMissing" }],
  ])("%s gets no byte", async (_, context, verdict) => {
    stage.addRuntime("rt", { address, ...context });
    expect(await wake()).toEqual(verdict);
    await expectNothingWritten();
  });

  test("force opens no runtime that is paused or unmanaged", async () => {
    stage.addRuntime("rt", { address, injection: "paused" });
    expect(await wake({ force: true })).toEqual({ verdict: "refused", reason: "injectionPaused" });
    await expectNothingWritten();
  });

  test("a paused agent gets no byte, even before its participants have heard of the pause", async () => {
    stage.addAgent("reviewer", { paused: true });
    expect(await wake()).toEqual({ verdict: "refused", reason: "injectionPaused" });
    await expectNothingWritten();
  });

  test("a paused thread gets no byte, and another thread of the same agent does", async () => {
    stage.pausedThreads.add(input.threadId);
    expect(await wake()).toEqual({ verdict: "refused", reason: "injectionPaused" });
    await expectNothingWritten();
    stage.pausedThreads.add("th-other");
    stage.pausedThreads.delete(input.threadId);
    expect(await wake()).toMatchObject({ verdict: "delivered" });
  });

  test("an unknown runtime is refused", async () => {
    expect(await wake({ runtimeId: "nobody" })).toEqual({ verdict: "refused", reason: "noRuntime" });
  });

  test("a pause between the look and the first byte is in time", async () => {
    let reads = 0;
    const getActor = async () => {
      reads += 1;
      if (reads === 2) stage.addRuntime("rt", { address, injection: "paused" });
      return stage.actors.get(addresses.runtime("rt")) ?? null;
    };
    expect(await stage.perform("deliverWake", input, { getActor })).toEqual({
      verdict: "refused",
      reason: "injectionPaused",
    });
    await expectNothingWritten();
  });

  test("another program in the same place is not typed to", async () => {
    stage.scripted.programIsReplaced("rt");
    expect(await wake()).toEqual({ verdict: "refused", reason: "identityMismatch" });
    expect(stage.started).toBe(0);
  });

  test("a terminal that is gone is refused", async () => {
    stage.scripted.remove("rt");
    expect(await wake()).toEqual({ verdict: "refused", reason: "terminalMissing" });
  });

  test.each([
    ["a draft", "half typed", 30_000, "draftPresent"],
    ["a busy agent", "/busy\r", 30_000, "agentBusy"],
    ["a dialog", "/dialog trust\r", 30_000, "dialogOpen"],
    ["a recent key stroke", "x\u007F", 0, "humanTyping"],
  ])("%s defers", async (_, keys, quietMs, reason) => {
    stage.scripted.personTypes("rt", keys);
    await new Promise<void>((resolve) => stage.clock.after(quietMs, resolve));
    expect(await wake()).toMatchObject({ verdict: "deferred", reason });
    await expectNothingWritten();
  });

  test("an agent whose screens nobody described is not typed to", async () => {
    stage.addAgent("reviewer", { kind: null, definition: null });
    expect(await wake()).toMatchObject({ verdict: "deferred", reason: "stateUnknown" });
    await expectNothingWritten();
  });

  test("an abort before the first byte writes nothing", async () => {
    const abort = new AbortController();
    const getActor = async () => {
      abort.abort(new RouseError("lease_lost", "gone"));
      return stage.actors.get(addresses.runtime("rt")) ?? null;
    };
    const attempt = stage.perform("deliverWake", input, { getActor, signal: abort.signal });
    await expect(attempt).rejects.toMatchObject({ code: "lease_lost" });
    await expectNothingWritten();
  });

  test("a lease that is lost at the start writes nothing", async () => {
    const attempt = stage.perform("deliverWake", input, {
      markStarted: () => Promise.reject(new RouseError("lease_lost", "gone")),
    });
    await expect(attempt).rejects.toMatchObject({
      code: "lease_lost",
    });
    await expectNothingWritten();
  });

  test("two wakes for one terminal are typed one after the other", async () => {
    const results = await Promise.all([wake(), wake({ wakeId: "th-2.reviewer.1", threadId: "th-2" })]);
    expect(results).toMatchObject([{ verdict: "delivered" }, { verdict: "delivered" }]);
    expect(await stage.answers(address)).toHaveLength(2);
  });

  test("an agent is woken so often within a minute, over all threads, and no oftener unless forced", async () => {
    stage = eagerStage({ wakesPerMinute: { agent: 1, thread: 10 } });
    address = await stage.launch("rt");
    stage.addRuntime("rt", { address });
    expect(await wake()).toMatchObject({ verdict: "delivered" });
    expect(await wake({ threadId: "th-2" })).toMatchObject({ verdict: "deferred", reason: "rateLimited" });
    expect(await wake({ threadId: "th-3", force: true })).toMatchObject({ verdict: "delivered" });
  });

  test("a line of ours that was never submitted is submitted, not typed again", async () => {
    await stage.terminal.paste(address, line);
    expect(await wake()).toMatchObject({ verdict: "delivered", evidence: { bytes: 0 } });
    expect((await shownText()).split("[rouse")).toHaveLength(2);
  });

  test("a line of ours about another thread is submitted, which delivers nothing of this one", async () => {
    await stage.terminal.paste(address, line.replaceAll("th-1", "th-2"));
    expect(await wake()).toEqual({ verdict: "deferred", reason: "agentBusy", retryAfterMs: null });
    expect(await shownText()).not.toContain("[rouseth-1.");
    expect(await wake()).toMatchObject({ verdict: "delivered", evidence: { bytes: line.length } });
    expect(await stage.answers(address)).toHaveLength(2);
  });

  test("an older line of ours about the same thread delivers it", async () => {
    await stage.terminal.paste(address, line.replace("2 unread", "1 unread"));
    expect(await wake({ wakeId: "th-1.reviewer.2" })).toMatchObject({ verdict: "delivered" });
    expect(await stage.answers(address)).toHaveLength(1);
  });

  describe("between paste and Enter", () => {
    /** Calls back once our text is in the box. */
    const whenPasted = async (happens: () => void, changes: object = {}) => {
      const paste = stage.terminal.paste.bind(stage.terminal);
      stage.terminal.paste = async (...args) => {
        const bytes = await paste(...args);
        happens();
        return bytes;
      };
      return stage.perform("deliverWake", input, changes);
    };

    test.each<[string, Partial<RuntimeContext>]>([
      ["a pause", { injection: "paused" }],
      ["a hand-over to a person", { management: "unmanaged" }],
    ])("%s leaves our line in the box, not submitted", async (_, context) => {
      const result = await whenPasted(() => stage.addRuntime("rt", { address, ...context }));
      expect(result).toMatchObject({ verdict: "unconfirmed", evidence: { submittedAt: null } });
      expect(await stage.answers(address)).toEqual([]);
    });

    test("an effect that is not ours any more presses no Enter", async () => {
      const abort = new AbortController();
      const result = await whenPasted(() => abort.abort(), { signal: abort.signal });
      expect(result).toMatchObject({ verdict: "unconfirmed" });
      expect(await stage.answers(address)).toEqual([]);
    });
  });
});
