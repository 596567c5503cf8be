import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type AnswerRequest, answerSafely } from "../../../adapters/terminals/answering.ts";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { type Stage, stageKinds, until } from "./stage.ts";
import { submit, untilIdle } from "./terminal-conformance.ts";

const read = createScreenReader(promptPatterns);

describe.each(stageKinds.filter((kind) => kind.isAvailable))("answering a dialog on $name", (kind) => {
  let stage: Stage;
  let terminal: Terminal;
  let address: TerminalAddress;
  let keys: number;

  beforeEach(async () => {
    stage = kind.open();
    terminal = stage.terminal;
    address = await stage.launch("agent-1");
    keys = 0;
    await untilIdle(terminal, address);
  });
  afterEach(() => stage.end());

  const shown = async () => read(await terminal.view(address)).prompt;
  const open = async (order: string) => {
    await submit(terminal, address, order);
    await until(async () => (await shown()) !== undefined, "the dialog is open");
    return (await shown())?.fingerprint ?? "";
  };
  const answer = (fingerprint: string, option: string, changes: Partial<AnswerRequest> = {}) =>
    answerSafely({
      ...{ terminal, address, read, fingerprint, option, quietWindowMs: 3_000, clock: stage.clock },
      beforeFirstKey: async () => {},
      beforeKey: async () => void (keys += 1),
      ...changes,
    });
  const shows = async (text: string) => (await terminal.view(address)).lines.includes(text);

  test("presses the option's number once, and sees the dialog go away", async () => {
    const fingerprint = await open("/ask delete it");
    expect(await answer(fingerprint, "2")).toEqual({ verdict: "answered" });
    expect([await shows("delete it: No"), keys]).toEqual([true, 1]);
    expect(read(await terminal.view(address)).draft).toBe("");
  });

  test.each([
    ["1", "Yes", 1],
    ["2", "No", 2],
  ])("moves the choice to option %s of a menu, then presses Enter", async (option, label, pressed) => {
    const fingerprint = await open("/menu trust it");
    expect(await answer(fingerprint, option)).toEqual({ verdict: "answered" });
    expect([await shows(`trust it: ${label}`), keys]).toEqual([true, pressed]);
  });

  test("what shows something else is not answered", async () => {
    const fingerprint = await open("/ask delete it");
    expect(await answer("0".repeat(32), "1")).toEqual({ verdict: "refused", reason: "promptChanged" });
    expect([(await shown())?.fingerprint, keys]).toEqual([fingerprint, 0]);
  });

  test("a screen that changes right before the key is refused", async () => {
    const fingerprint = await open("/ask delete it|delete all");
    const beforeFirstKey = async () => {
      await terminal.pressKey(address, "2");
      await until(async () => (await shown())?.fingerprint !== fingerprint, "the next question is asked");
    };
    expect(await answer(fingerprint, "1", { beforeFirstKey })).toEqual({
      verdict: "refused",
      reason: "promptChanged",
    });
    expect([await shows("delete all: Yes"), keys]).toEqual([false, 0]);
  });

  test("the same question once more is not answered along: whether it is another, a person says", async () => {
    const fingerprint = await open("/ask delete it|delete it");
    expect(await answer(fingerprint, "1")).toEqual({ verdict: "unconfirmed" });
    expect([(await shown())?.fingerprint, keys]).toEqual([fingerprint, 1]);
  });

  test("who is at the keys is not disturbed", async () => {
    const fingerprint = await open("/ask delete it");
    const person = await stage.personAttaches(address);
    expect(await answer(fingerprint, "1")).toEqual({ verdict: "refused", reason: "humanTyping" });
    expect(keys).toBe(0);
    await person.leave();
  });

  test("a dialog that is not described, and a box, take no key", async () => {
    await submit(terminal, address, "/dialog permission");
    await until(async () => read(await terminal.view(address)).activity === "dialog", "the dialog is open");
    expect(await answer("0".repeat(32), "1")).toEqual({ verdict: "refused", reason: "promptChanged" });
    expect(read(await terminal.view(address)).activity).toBe("dialog");
  });

  test("another program in the same place is not answered", async ({ skip }) => {
    if (stage.replaceProgram === null) return skip("no program can be replaced here");
    const fingerprint = await open("/ask delete it");
    await stage.replaceProgram(address);
    expect(await answer(fingerprint, "1")).toEqual({ verdict: "refused", reason: "identityMismatch" });
  });

  test("an open history takes no key", async ({ skip }) => {
    if (stage.openHistory === null) return skip("there is no history here");
    const fingerprint = await open("/ask delete it");
    await stage.openHistory(address);
    await until(async () => (await terminal.view(address)).inCopyMode, "the history is open");
    const reasons = ["readingHistory", "humanTyping"];
    expect(await answer(fingerprint, "1", { quietWindowMs: 0 })).toMatchObject({ verdict: "refused" });
    expect(reasons).toContain(((await answer(fingerprint, "1")) as { reason: string }).reason);
    expect(keys).toBe(0);
  });

  test("an answer that is not wanted any more presses nothing", async () => {
    const fingerprint = await open("/ask delete it");
    const beforeKey = () => Promise.reject(new RouseError("lease_lost", "gone"));
    await expect(answer(fingerprint, "1", { beforeKey })).rejects.toMatchObject({ code: "lease_lost" });
    expect((await shown())?.fingerprint).toBe(fingerprint);
  });
});
