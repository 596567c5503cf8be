import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { type TypeRequest, typeSafely } from "../../../adapters/terminals/typing.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { Terminal, TerminalAddress, TerminalView } from "../../../runtime/terminal.ts";
import { type Stage, stageKinds, until } from "./stage.ts";
import { screenShows, submit, untilIdle } from "./terminal-conformance.ts";

const read = createScreenReader(promptPatterns);
const wakeLine =
  "[rouse] 3 unread in thread T-1, long enough to need a second line in the box: call read_messages";

/** The same terminal with some of its methods replaced. */
function withHands(terminal: Terminal, hands: Partial<Terminal>): Terminal {
  return {
    backend: terminal.backend,
    probe: () => terminal.probe(),
    launch: (request) => terminal.launch(request),
    adopt: (target) => terminal.adopt(target),
    find: (runtimeId) => terminal.find(runtimeId),
    listLaunched: () => terminal.listLaunched(),
    view: (address) => terminal.view(address),
    paste: (address, text) => terminal.paste(address, text),
    pressEnter: (address) => terminal.pressEnter(address),
    pressKey: (address, key) => terminal.pressKey(address, key),
    leaveCopyMode: (address) => terminal.leaveCopyMode(address),
    watch: (address, onChange) => terminal.watch(address, onChange),
    kill: (address, options) => terminal.kill(address, options),
    attachCommand: (address) => terminal.attachCommand(address),
    close: () => terminal.close(),
    ...hands,
  };
}

describe.each(stageKinds.filter((kind) => kind.isAvailable))("safe typing on $name", (kind) => {
  let stage: Stage;
  let terminal: Terminal;
  let address: TerminalAddress;
  let started: number;

  beforeEach(async () => {
    stage = kind.open();
    terminal = stage.terminal;
    address = await stage.launch("agent-1");
    started = 0;
    await untilIdle(terminal, address);
  });
  afterEach(() => stage.end());

  const type = (changes: Partial<TypeRequest> = {}) =>
    typeSafely({
      ...{ terminal, address, read, text: wakeLine, quietWindowMs: 3_000, force: false, clock: stage.clock },
      beforeFirstByte: async () => void (started += 1),
      pace: { visibleTimeoutMs: 600, verifyTimeoutMs: 400 },
      ...changes,
    });
  const draft = async () => read(await terminal.view(address)).draft;
  const boxHolds = (text: string) => until(async () => (await draft()) === text, `the box holds ${text}`);
  const answered = async () => {
    const { lines } = await terminal.view(address);
    return lines.filter((line) => line.startsWith("> [rouse] 3 unread")).length;
  };

  const countingEnters = (overrides: Partial<Terminal>) => {
    let count = 0;
    const pressEnter = (target: TerminalAddress) => {
      count += 1;
      return terminal.pressEnter(target);
    };
    return { hands: withHands(terminal, { pressEnter, ...overrides }), enters: () => count };
  };
  const untilQuiet = () => {
    stage.pass(100);
    return until(
      async () => ((await terminal.view(address)).humanIdleMs ?? 0) > 50,
      "nobody types for a moment",
    );
  };

  test("an idle agent gets the line once, submitted, with evidence", async () => {
    const before = stage.clock.now();
    const output = await type();
    expect(output).toMatchObject({
      verdict: "delivered",
      evidence: { channel: kind.name, bytes: Buffer.byteLength(wakeLine) },
    });
    if (output.verdict !== "delivered") return;
    const { firstByteAt, submittedAt } = output.evidence;
    expect(firstByteAt).toBeGreaterThanOrEqual(before);
    expect(submittedAt).toBeGreaterThanOrEqual(firstByteAt ?? Infinity);
    expect([await answered(), await draft(), started]).toEqual([1, "", 1]);
  });

  test("newlines and control bytes in the text cannot submit or escape", async () => {
    await type({ text: "one\ntwo\r\u001b[201~\u0007three\u202e" });
    await screenShows(terminal, address, "> one two [201~three");
    expect(await draft()).toBe("");
  });

  test("a busy agent defers, and with force gets the line queued", async () => {
    await submit(terminal, address, "/busy");
    await until(async () => read(await terminal.view(address)).activity === "busy", "the agent is busy");
    expect(await type()).toEqual({ verdict: "deferred", reason: "agentBusy", retryAfterMs: null });
    expect([await draft(), started]).toEqual(["", 0]);
    expect(await type({ force: true })).toMatchObject({
      verdict: "delivered",
      evidence: { turnStartedAt: null },
    });
    expect(await answered()).toBe(1);
  });

  test.each(["permission", "trust"])("an open %s dialog defers, even with force", async (dialog) => {
    await submit(terminal, address, `/dialog ${dialog}`);
    await until(async () => read(await terminal.view(address)).activity === "dialog", "the dialog is open");
    for (const force of [false, true]) {
      expect(await type({ force })).toEqual({
        verdict: "deferred",
        reason: "dialogOpen",
        retryAfterMs: null,
      });
    }
    expect(started).toBe(0);
    await screenShows(terminal, address, `Do you want to proceed? (${dialog})`);
  });

  test("a usage limit defers like a dialog", async () => {
    await submit(terminal, address, "/limited");
    await screenShows(terminal, address, "Usage limit reached");
    expect(await type({ force: true })).toMatchObject({ verdict: "deferred", reason: "dialogOpen" });
  });

  test("a usage limit that is known to be over is typed below", async () => {
    await submit(terminal, address, "/limited");
    await screenShows(terminal, address, "Usage limit reached");
    expect(await type({ limitIsOver: true })).toMatchObject({ verdict: "delivered" });
    expect(await answered()).toBe(1);
  });

  test("a screen nobody knows defers, even with force", async () => {
    await submit(terminal, address, "/strange");
    await screenShows(terminal, address, "something nobody has seen before");
    expect(await type({ force: true })).toEqual({
      verdict: "deferred",
      reason: "stateUnknown",
      retryAfterMs: null,
    });
    expect(started).toBe(0);
  });

  test("a dead program is refused", async () => {
    stage.killProgram(address);
    await until(async () => !(await terminal.view(address)).alive, "the program ended");
    expect(await type({ force: true })).toEqual({ verdict: "refused", reason: "terminalMissing" });
    await terminal.kill(address);
    expect(await type()).toEqual({ verdict: "refused", reason: "terminalMissing" });
    expect(started).toBe(0);
  });

  test("another program in the same place is refused", async ({ skip }) => {
    if (stage.replaceProgram === null) return skip("a place of this backend never gets another program");
    await stage.replaceProgram(address);
    expect(await type({ force: true })).toEqual({ verdict: "refused", reason: "identityMismatch" });
  });

  test("a person's draft defers, and is untouched", async () => {
    const person = await stage.personAttaches(address);
    person.type("half a thought");
    await boxHolds("half a thought");
    await untilQuiet();
    expect(await type({ quietWindowMs: 50 })).toEqual({
      verdict: "deferred",
      reason: "draftPresent",
      retryAfterMs: null,
    });
    expect([await draft(), started]).toEqual(["half a thought", 0]);
  });

  test("a person who typed within the quiet window defers", async () => {
    const person = await stage.personAttaches(address);
    person.type("x\x7f");
    await boxHolds("");
    const output = await type({ quietWindowMs: 60_000 });
    expect(output).toMatchObject({ verdict: "deferred", reason: "humanTyping" });
    if (output.verdict === "deferred") expect(output.retryAfterMs).toBeGreaterThan(50_000);
    expect(started).toBe(0);
  });

  test("a viewer who does not type is no collision", async () => {
    await stage.personAttaches(address);
    await untilQuiet();
    expect(await type({ quietWindowMs: 50 })).toMatchObject({ verdict: "delivered" });
  });

  test("a person who types between paste and Enter keeps both texts, and Enter is left to them", async () => {
    const person = await stage.personAttaches(address);
    await untilQuiet();
    let enters = 0;
    const busyHands = withHands(terminal, {
      async paste(target, text) {
        const bytes = await terminal.paste(target, text);
        await boxHasOwnLine();
        person.type(" wait");
        await until(async () => (await draft())?.endsWith("wait") === true, "their keys arrived");
        return bytes;
      },
      async pressEnter(target) {
        enters += 1;
        await terminal.pressEnter(target);
      },
    });
    const boxHasOwnLine = () =>
      until(async () => (await draft())?.includes("read_messages") === true, "our line is there");
    const output = await type({ terminal: busyHands, quietWindowMs: 50 });
    expect(output).toMatchObject({ verdict: "unconfirmed", evidence: { submittedAt: null } });
    expect([enters, await answered()]).toEqual([0, 0]);
    expect((await draft())?.endsWith("wait")).toBe(true);
  });

  test("a person who typed and took it back between paste and Enter is left alone too", async () => {
    const person = await stage.personAttaches(address);
    await untilQuiet();
    const { hands, enters } = countingEnters({
      async paste(target, text) {
        const bytes = await terminal.paste(target, text);
        person.type("zz");
        await until(async () => (await draft())?.endsWith("zz") === true, "their keys arrived");
        person.type("\x7f\x7f");
        await until(async () => (await draft())?.endsWith("read_messages") === true, "they took them back");
        return bytes;
      },
    });
    const output = await type({ terminal: hands, quietWindowMs: 50 });
    expect(output).toMatchObject({ verdict: "unconfirmed", evidence: { submittedAt: null } });
    expect(enters()).toBe(0);
  });

  const afterPaste: readonly { what: string; change: (view: TerminalView) => Partial<TerminalView> }[] = [
    {
      what: "the agent became busy",
      change: ({ lines }) => ({ lines: ["• Working (esc to interrupt)", ...lines] }),
    },
    {
      what: "a dialog opened",
      change: ({ lines }) => ({ lines: ["Do you want to proceed? (trust)", ...lines] }),
    },
    { what: "a shell came to the front", change: () => ({ foreground: "bash" }) },
    { what: "a person opened the history", change: () => ({ inCopyMode: true, viewers: 1 }) },
    { what: "the program died", change: () => ({ alive: false }) },
  ];
  test.each(afterPaste)("no Enter when $what after the paste", async ({ change }) => {
    let isPasted = false;
    const { hands, enters } = countingEnters({
      async paste(target, text) {
        isPasted = true;
        return terminal.paste(target, text);
      },
      async view(target) {
        const view = await terminal.view(target);
        return isPasted ? { ...view, ...change(view) } : view;
      },
    });
    expect(await type({ terminal: hands })).toMatchObject({
      verdict: "unconfirmed",
      evidence: { submittedAt: null },
    });
    expect(enters()).toBe(0);
  });

  test("a shell in front of any terminal is refused", async () => {
    const view = async (target: TerminalAddress) => ({ ...(await terminal.view(target)), foreground: "zsh" });
    const output = await type({ terminal: withHands(terminal, { view }), force: true });
    expect([output, started]).toEqual([{ verdict: "refused", reason: "bareShell" }, 0]);
  });

  test("our own line that was never submitted is submitted, not pasted again", async () => {
    await terminal.paste(address, wakeLine);
    await until(async () => (await draft())?.includes("read_messages") === true, "our line is in the box");
    expect(await type()).toMatchObject({ verdict: "delivered", evidence: { bytes: 0 } });
    expect([await answered(), await draft(), started]).toEqual([1, "", 1]);
  });

  test("an earlier line of ours is recognised by its form", async () => {
    await terminal.paste(address, "[rouse] 1 unread in thread T-1");
    await boxHolds("[rouse] 1 unread in thread T-1");
    const isOwnText = (text: string) => text.startsWith("[rouse] ");
    expect(await type({ isOwnText })).toMatchObject({ verdict: "delivered" });
    await screenShows(terminal, address, "> [rouse] 1 unread in thread T-1");
  });

  test("Enter is pressed again while the box still holds our line, three times at most", async () => {
    await submit(terminal, address, "/deaf 2");
    await boxHolds("");
    expect(await type()).toMatchObject({ verdict: "delivered" });
    expect(await answered()).toBe(1);
    await submit(terminal, address, "/deaf 9");
    await boxHolds("");
    let enters = 0;
    const counting = withHands(terminal, {
      pressEnter(target) {
        enters += 1;
        return terminal.pressEnter(target);
      },
    });
    expect(await type({ terminal: counting })).toMatchObject({
      verdict: "unconfirmed",
      evidence: { submittedAt: null },
    });
    expect(enters).toBe(3);
  });

  test("the busy edge is evidence of a started turn", async () => {
    const output = await type({ text: "/busy" });
    expect(output.verdict).toBe("delivered");
    if (output.verdict === "delivered")
      expect(output.evidence.turnStartedAt).toBe(output.evidence.submittedAt);
  });

  test("a dialog that opens under our Enter confirms nothing", async () => {
    expect(await type({ text: "/dialog trust" })).toMatchObject({ verdict: "unconfirmed" });
    await screenShows(terminal, address, "Do you want to proceed? (trust)");
  });

  test("what the screen does not show, the program's own record of the prompt proves", async () => {
    const blind = withHands(terminal, {
      pressEnter: async (target) => {
        await terminal.pressEnter(target);
        throw new RouseError("terminal_failed", "nobody saw it arrive");
      },
    });
    const pastedAt = stage.clock.now();
    const findPrompt = (text: string, since: number) =>
      Promise.resolve(text === wakeLine && since >= pastedAt ? since + 5 : null);
    const proven = await type({ terminal: blind, findPrompt });
    expect(proven).toMatchObject({ verdict: "delivered", evidence: { turnStartedAt: null } });
  });

  test("a program that noted nothing, or cannot be asked, leaves it unconfirmed", async () => {
    const deaf = withHands(terminal, { pressEnter: () => Promise.reject(new Error("lost")) });
    const request = { terminal: deaf, findPrompt: () => Promise.resolve(null) };
    expect(await type(request)).toMatchObject({ verdict: "unconfirmed" });
    const findPrompt = () => Promise.reject(new Error("no such file"));
    expect(await type({ ...request, findPrompt })).toMatchObject({ verdict: "unconfirmed" });
  });

  test("nothing is written when the start cannot be marked", async () => {
    const beforeFirstByte = () => Promise.reject(new RouseError("lease_lost", "lost"));
    await expect(type({ beforeFirstByte })).rejects.toMatchObject({ code: "lease_lost" });
    expect(await draft()).toBe("");
  });

  test("a paste that fails in an unknown way is never repeated", async () => {
    let pastes = 0;
    const failing = withHands(terminal, {
      async paste() {
        pastes += 1;
        throw new RouseError("terminal_failed", "timed out");
      },
    });
    expect(await type({ terminal: failing })).toMatchObject({
      verdict: "unconfirmed",
      evidence: { submittedAt: null },
    });
    expect([pastes, await answered()]).toEqual([1, 0]);
  });

  test("a history that somebody reads defers; one without a reader is left", async ({ skip }) => {
    if (stage.openHistory === null) return skip("this backend has no history view");
    const person = await stage.personAttaches(address);
    await stage.openHistory(address);
    expect(await type({ force: true })).toEqual({
      verdict: "deferred",
      reason: "readingHistory",
      retryAfterMs: null,
    });
    expect((await terminal.view(address)).inCopyMode).toBe(true);
    await person.leave();
    await until(async () => (await terminal.view(address)).viewers === 0, "the person left");
    await untilQuiet();
    expect(await type({ quietWindowMs: 50 })).toMatchObject({ verdict: "delivered" });
    expect(await answered()).toBe(1);
  });

  test("a bare shell is refused, even with force", async ({ skip }) => {
    if (!kind.hasProcesses) return skip("no processes");
    const shell = await stage.launch("shell-1", { argv: ["/bin/sh"] });
    await until(async () => (await terminal.view(shell)).foreground === "sh", "the shell is in front");
    expect(await type({ address: shell, force: true })).toEqual({ verdict: "refused", reason: "bareShell" });
    expect(started).toBe(0);
  });
});
