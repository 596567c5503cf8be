import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentProgram, SourceReport } from "../../../adapters/agents/kind.ts";
import type { Observation } from "../../../machines/runtime/contract.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { ManualClock } from "../../manual-clock.ts";
import { genericWith, Stage } from "./stage.ts";

let clock: ManualClock;
let stage: Stage<ManualClock>;
let address: TerminalAddress;
let abort: AbortController;
let tell: (report: Partial<SourceReport>) => void;
let told: object[];

beforeEach(() => {
  clock = new ManualClock();
  abort = new AbortController();
  told = [];
});

afterEach(() => abort.abort());

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));

async function watch(abilities: Partial<AgentProgram> = {}, sessionId: string | null = null): Promise<void> {
  const observe: AgentProgram["observe"] = (_program, hear, signal) => {
    tell = (report) => hear({ source: "events", activity: "idle", ...report });
    return untilAborted(signal);
  };
  stage = new Stage(clock, { kinds: genericWith({ observe, ...abilities }) });
  address = await stage.launch("rt");
  const input = { runtimeId: "rt", agentId: "reviewer", host: "here", address, sessionId };
  const watching = stage.perform("watchTerminal", input, {
    address: "runtime/rt",
    signal: abort.signal,
    report: async (event) => void told.push(event["observation"] ?? event),
  });
  watching.catch(() => {});
  await clock.advance(500);
}

const last = () => told.at(-1) as Observation;
const screen = async (order: string) => {
  await stage.terminal.paste(address, order);
  await stage.terminal.pressEnter(address);
};

describe("a program that tells its state itself", () => {
  test("is believed before its screen, as soon as it speaks", async () => {
    await watch();
    expect(last()).toEqual({ activity: "idle" });
    tell({ activity: "busy" });
    await clock.advance(60);
    expect(last()).toEqual({ activity: "busy" });
    tell({ activity: "limited", limitedUntil: 5 });
    await clock.advance(60);
    expect(last()).toEqual({ activity: "limited", limitedUntil: 5 });
  });

  test("is not believed for ever that a turn runs, when its screen says nothing", async () => {
    await watch();
    await screen("/strange");
    tell({ activity: "busy" });
    await clock.advance(599_000);
    expect(last()).toEqual({ activity: "busy" });
    await clock.advance(4_000);
    expect(last()).toEqual({ activity: "unknown" });
    tell({ activity: "busy" });
    await clock.advance(100);
    expect(last()).toEqual({ activity: "busy" });
  });

  test("fails like any other source when it throws at once: the screen counts, and it is asked again", async () => {
    let asked = 0;
    const observe = () => {
      asked += 1;
      throw new Error("no such folder");
    };
    await watch({ observe });
    expect(last()).toEqual({ activity: "idle" });
    await clock.advance(5_000);
    expect(asked).toBe(2);
  });

  test("a dialog on the screen of a turn that runs stands", async () => {
    await watch();
    tell({ activity: "busy" });
    await screen("/dialog permission");
    await clock.advance(60);
    expect(last()).toEqual({ activity: "dialog", dialog: "permission" });
  });

  test("a limit on the screen of a turn that waits for it stands", async () => {
    await watch();
    tell({ activity: "busy" });
    await screen("/limited");
    await clock.advance(60);
    expect(last()).toEqual({ activity: "limited" });
  });

  test("a dialog that it does not name is the one on the screen, and unknown without one", async () => {
    await watch();
    tell({ activity: "dialog" });
    await clock.advance(60);
    expect(last()).toEqual({ activity: "unknown" });
    await screen("/dialog trust");
    await clock.advance(60);
    expect(last()).toEqual({ activity: "dialog", dialog: "trust" });
  });

  test("is not idle where only the terminal carries wakes and its screen has no input box", async () => {
    await watch();
    await screen("/strange");
    tell({ activity: "idle" });
    await clock.advance(3_000);
    expect(last()).toEqual({ activity: "unknown" });
  });

  test("is not idle either where only the terminal carries wakes and a dialog is on its screen", async () => {
    await watch();
    await screen("/dialog trust");
    tell({ activity: "idle" });
    await clock.advance(3_000);
    expect(last()).toEqual({ activity: "dialog", dialog: "trust" });
  });

  test("is idle also on a screen that nobody recognises, but a person at the keys stays a person", async () => {
    await watch({ channels: [] });
    await screen("/strange");
    tell({ activity: "idle" });
    await clock.advance(3_000);
    expect(last()).toEqual({ activity: "idle" });
    stage.scripted.personTypes("rt", "x\u007F");
    await clock.advance(60);
    expect(last()).toEqual({ activity: "humanTyping" });
  });

  test("is no longer believed against its screen when it has been silent for long", async () => {
    await watch();
    tell({ activity: "busy" });
    await clock.advance(25_000);
    expect(last()).toEqual({ activity: "busy" });
    await clock.advance(10_000);
    expect(last()).toEqual({ activity: "idle" });
  });

  test("is forgotten when its source fails, and asked again later", async () => {
    let asked = 0;
    await watch({
      observe: async (_program, hear, signal) => {
        asked += 1;
        hear({ source: "events", activity: "busy" });
        if (asked === 1) throw new Error("connection lost");
        await untilAborted(signal);
      },
    });
    expect(last()).toEqual({ activity: "idle" });
    await clock.advance(6_000);
    expect([asked, last()]).toEqual([2, { activity: "busy" }]);
  });

  test("its session is recorded once, as that of the agent and of the runtime", async () => {
    await watch();
    tell({ sessionId: "ses-9" });
    await clock.advance(60);
    tell({ sessionId: "ses-9", activity: "busy" });
    await clock.advance(60);
    expect(told.filter((event) => "sessionId" in event)).toEqual([
      { type: "heartbeat.received", sessionId: "ses-9" },
    ]);
    expect(stage.agents.get("reviewer")?.session).toEqual({
      sessionId: "ses-9",
      host: "here",
      resumable: true,
    });
    expect(stage.published).toMatchObject([{ event: { type: "agent.reported" } }]);
  });

  test("a session that the launch chose is recorded, too, once the program says it has it", async () => {
    await watch({}, "ses-9");
    expect(stage.agents.get("reviewer")?.session ?? null).toBeNull();
    tell({ sessionId: "ses-9" });
    await clock.advance(60);
    expect(stage.agents.get("reviewer")?.session).toMatchObject({ sessionId: "ses-9", resumable: true });
  });

  test("a draft is no person where a structured channel carries wakes, and one where only the terminal does", async () => {
    await watch({ channels: [] });
    stage.scripted.personTypes("rt", "half typed");
    await clock.advance(30_000);
    expect(last()).toEqual({ activity: "idle" });
    abort.abort();
    abort = new AbortController();
    await watch();
    stage.scripted.personTypes("rt", "half typed");
    await clock.advance(30_000);
    expect(last()).toEqual({ activity: "humanTyping" });
  });

  test("a version that our patterns were not recorded with is unknown, whatever it shows and tells", async () => {
    await watch({ version: async () => ({ text: "9.9", known: false }) });
    expect(told).toEqual([{ activity: "unknown" }]);
  });
});
