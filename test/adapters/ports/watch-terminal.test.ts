import { ManualClock } from "../../manual-clock.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Observation } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { Stage, startPlan } from "./stage.ts";

let clock: ManualClock;
let stage: Stage<ManualClock>;
let address: TerminalAddress;
let abort: AbortController;
let observed: Observation[];

beforeEach(async () => {
  clock = new ManualClock();
  stage = new Stage(clock);
  address = await stage.launch("rt");
  abort = new AbortController();
  observed = [];
});

afterEach(() => abort.abort());

function watch(): Promise<unknown> {
  const input = { runtimeId: "rt", agentId: "reviewer", host: "here", address, sessionId: null };
  const watching = stage.perform("watchTerminal", input, {
    address: "runtime/rt",
    signal: abort.signal,
    report: async ({ observation }) => void observed.push(observation as Observation),
  });
  watching.catch(() => {});
  return watching;
}

const activities = () => observed.map(({ activity }) => activity);

describe("watching a terminal", () => {
  test("idle counts only after it has stood still", async () => {
    void watch();
    await clock.advance(150);
    expect(activities()).toEqual([]);
    await clock.advance(150);
    expect(activities()).toEqual(["idle"]);
  });

  test("an unchanged screen is told once", async () => {
    void watch();
    await clock.advance(30_000);
    expect(activities()).toEqual(["idle"]);
  });

  test("but now and then again, so that it does not look silent", async () => {
    void watch();
    await clock.advance(100_000);
    expect(activities()).toEqual(["idle", "idle", "idle"]);
  });

  test("what a dialog asks is told with it, and anew when it asks something else", async () => {
    void watch();
    await clock.advance(1_000);
    stage.scripted.personTypes("rt", "/ask delete it|delete all\r");
    await clock.advance(1_000);
    const first = observed.at(-1);
    expect(first).toEqual({
      activity: "dialog",
      dialog: "permission",
      prompt: {
        fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
        text: "Asked:\ndelete it\n\n  1. Yes\n  2. No",
        options: [
          { option: "1", label: "Yes" },
          { option: "2", label: "No" },
        ],
      },
    });
    stage.scripted.personTypes("rt", "2");
    await clock.advance(1_000);
    expect(observed.at(-1)?.prompt?.text).toContain("delete all");
    expect(observed.at(-1)?.prompt?.fingerprint).not.toBe(first?.prompt?.fingerprint);
  });

  test("changes are told in order and soon", async () => {
    void watch();
    await clock.advance(1_000);
    await stage.terminal.paste(address, "/busy");
    await stage.terminal.pressEnter(address);
    await clock.advance(60);
    expect(activities()).toEqual(["idle", "busy"]);
    await stage.terminal.paste(address, "/dialog trust");
    await stage.terminal.pressEnter(address);
    await clock.advance(60);
    expect(observed.at(-1)).toEqual({ activity: "dialog", dialog: "trust" });
  });

  test("a screen that flickers all the time is looked at with a bounded rate", async () => {
    let looks = 0;
    const view = stage.terminal.view.bind(stage.terminal);
    stage.terminal.view = (wanted) => {
      looks += 1;
      return view(wanted);
    };
    void watch();
    for (let round = 0; round < 200; round += 1) {
      stage.scripted.feed(stage.scripted.get("rt")!, "x\u007F");
      await clock.advance(5);
    }
    expect(looks).toBeLessThanOrEqual(21);
  });

  test("a person's key strokes count for the quiet window", async () => {
    void watch();
    await clock.advance(1_000);
    stage.scripted.personTypes("rt", "x\u007F");
    await clock.advance(19_000);
    expect(activities()).toEqual(["idle", "humanTyping"]);
    await clock.advance(4_000);
    expect(activities()).toEqual(["idle", "humanTyping", "idle"]);
  });

  test("an unsent draft is a person, however long it stands", async () => {
    stage.scripted.personTypes("rt", "half typed");
    await clock.advance(60_000);
    void watch();
    await clock.advance(30_000);
    expect(activities()).toEqual(["humanTyping"]);
  });

  test("a wake line of ours that was never submitted is no person", async () => {
    await stage.terminal.paste(
      address,
      "[rouse th-1.reviewer.1] 2 unread in thread th-1: call read_messages, then ack_read.",
    );
    void watch();
    await clock.advance(1_000);
    expect(activities()).toEqual(["idle"]);
  });

  test("a screen that nobody described is unknown", async () => {
    stage.addAgent("reviewer", { kind: null, definition: null });
    void watch();
    await clock.advance(1_000);
    expect(activities()).toEqual(["unknown"]);
  });

  test("a bare shell in front is unknown, not idle", async () => {
    stage.scripted.foregroundBecomes("rt", "bash");
    void watch();
    await clock.advance(1_000);
    expect(activities()).toEqual(["unknown"]);
  });

  test("the end of the program ends the watch with its exit code", async () => {
    const watching = watch();
    await clock.advance(1_000);
    stage.scripted.programEnds("rt", 3);
    await clock.advance(60);
    expect(await watching).toMatchObject({ exitCode: 3 });
  });

  test.each([
    ["what we launched is cleared away when its program ended", "launch", null],
    ["an adopted pane is left as it is when its program ended", "adopt", "there"],
  ])("%s", async (_, origin, left) => {
    stage.addRuntime("rt", {
      address,
      origin:
        origin === "adopt"
          ? { type: "adopt", server: "memory", target: "rt" }
          : { type: "launch", backend: "scripted", plan: startPlan },
    });
    const watching = watch();
    await clock.advance(1_000);
    stage.scripted.programEnds("rt", 3);
    await clock.advance(60);
    expect(await watching).toMatchObject({ exitCode: 3 });
    expect(stage.scripted.get("rt") === null ? null : "there").toBe(left);
  });

  test("what a failed program said last is told as plain text; one that ended well says nothing", async () => {
    const lastLines = [];
    for (const exitCode of [3, 0]) {
      stage.scripted.remove("rt");
      address = await stage.launch("rt");
      const view = { ...(await stage.terminal.view(address)), alive: false, exitCode };
      const lines = ["hello", "no such model: \u001B]0;x\u0007m\u202E1", ""];
      stage.terminal.view = async () => ({ ...view, lines });
      const watching = watch();
      await clock.advance(500);
      lastLines.push(((await watching) as { lastLine: string | null }).lastLine);
    }
    expect(lastLines).toEqual(["no such model: ]0;xm1", null]);
  });

  test("an end by a signal has no exit code", async () => {
    const watching = watch();
    stage.scripted.programEnds("rt");
    await clock.advance(500);
    expect(await watching).toEqual({ exitCode: null, lastLine: null });
  });

  test("a terminal that disappears fails the watch", async () => {
    const watching = watch();
    await clock.advance(1_000);
    stage.scripted.remove("rt");
    await clock.advance(60);
    await expect(watching).rejects.toMatchObject({ code: "terminal_missing" });
  });

  test("an abort stops it at once, and its subscription", async () => {
    const watching = watch();
    await clock.advance(1_000);
    abort.abort(new Error("left"));
    await expect(watching).rejects.toThrow("left");
    expect(stage.scripted.get("rt")?.watchers.size).toBe(0);
  });

  describe("of a backend that fails in passing", () => {
    async function watchFailing(times: number): Promise<unknown> {
      let calls = 0;
      const view = stage.terminal.view.bind(stage.terminal);
      stage.terminal.view = (wanted) => {
        calls += 1;
        return calls <= times ? Promise.reject(new RouseError("terminal_failed", "busy")) : view(wanted);
      };
      const watching = watch();
      await clock.advance(20_000);
      return Promise.race([watching, Promise.resolve("still watching")]);
    }

    test("asks again", async () => {
      expect(await watchFailing(3)).toBe("still watching");
      expect(activities()).toEqual(["idle"]);
    });

    test("gives up after some failures in a row", async () => {
      await expect(watchFailing(100)).rejects.toMatchObject({ code: "terminal_failed" });
    });
  });
});
