import { describe, expect, test } from "vitest";
import { tellParticipant, tellRuntime, type Telling } from "../../../../api/cli/demo/telling.ts";
import type { JournalEntry } from "../../../../api/cli/payloads.ts";

const entry = (state: string, event: { type: string; [field: string]: unknown }): JournalEntry => ({
  journal_id: "1",
  address: "participant/th.ex",
  seq: 1,
  at: "2026-01-01T00:00:00.000Z",
  from: "engine",
  event,
  cause: null,
  transitions: [],
  states: [state, "participant.control.running"],
  dropped: null,
  records: [],
  machine_hash: "",
});
const attention = (state: string, event: { type: string; [field: string]: unknown }) =>
  entry(`participant.attention.${state}`, event);
const standing = (state: string, runtimeState: string | null = null): Telling => ({
  state,
  runtimeState,
  words: null,
  tone: "plain",
  deferReason: null,
});

describe("a participant's journal in words", () => {
  test("a wait names the reason that the chart saw in the runtime's last report", () => {
    const told = tellParticipant(standing("unread", "humanTyping"), attention("deferred", { type: "x" }));
    expect(told.deferReason).toBe("humanTyping");
    expect(told.words).toContain("humanTyping");
  });

  test("a wait that the port asked for names the port's reason", () => {
    const event = { type: "done", output: { verdict: "deferred", reason: "draftPresent" } };
    const told = tellParticipant(standing("triggering", "idle"), attention("deferred", event));
    expect(told.deferReason).toBe("draftPresent");
  });

  test("a wait is told once however often it is looked at again", () => {
    const first = tellParticipant(standing("unread", "humanTyping"), attention("deferred", { type: "x" }));
    expect(tellParticipant(first, attention("deferred", { type: "again" })).words).toBeNull();
  });

  test("a delivery tells its bytes and when it was seen submitted", () => {
    const evidence = { channel: "tmux", bytes: 83, firstByteAt: 1_000, submittedAt: 1_080 };
    const event = { type: "done", output: { verdict: "delivered", evidence } };
    const told = tellParticipant(standing("triggering"), attention("awaitingAck", event));
    expect(told.words).toBe("got its wake line: 83 bytes typed (tmux), seen submitted 80 ms later");
  });

  test("what stays as it is is not told", () => {
    const told = tellParticipant(standing("caughtUp"), attention("caughtUp", { type: "runtime.reported" }));
    expect(told.words).toBeNull();
  });
});

describe("a runtime's journal in words", () => {
  const runtime = (path: string) => entry(`runtime.present.lifecycle.${path}`, { type: "x" });

  test("tells a launch, an idle prompt, a person and an end, each once", () => {
    const paths = ["launching.starting", "live.activity.idle", "live.activity.idle"];
    let before: Telling | null = null;
    const words = [...paths, "live.activity.humanTyping", "dead"].map((path) => {
      before = tellRuntime(before, runtime(path));
      return before.words;
    });
    expect(words).toEqual([
      expect.stringContaining("launched"),
      expect.stringContaining("idle"),
      null,
      expect.stringContaining("person"),
      expect.stringContaining("lost its program"),
    ]);
  });
});
