/** What every terminal must do. Each case runs on a stage of its own. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { type Stage, type StageKind, until } from "./stage.ts";
import type { Terminal, TerminalAddress, TerminalView } from "../../../runtime/terminal.ts";

const read = createScreenReader(promptPatterns);

export async function submit(terminal: Terminal, address: TerminalAddress, line: string): Promise<void> {
  await terminal.paste(address, line);
  await until(
    async () => read(await terminal.view(address)).draft?.startsWith(line) === true,
    `${line} is in the box`,
  );
  await terminal.pressEnter(address);
}

export async function untilIdle(terminal: Terminal, address: TerminalAddress): Promise<void> {
  await until(
    async () => read(await terminal.view(address)).activity === "idle",
    "the program waits for input",
  );
}

export function screenShows(terminal: Terminal, address: TerminalAddress, text: string): Promise<void> {
  return until(
    async () => (await terminal.view(address)).lines.some((line) => line.includes(text)),
    `the screen shows ${text}`,
  );
}

export function describeConformance(kind: StageKind): void {
  describe.skipIf(!kind.isAvailable)(`terminal ${kind.name}`, () => {
    let stage: Stage;
    beforeEach(() => {
      stage = kind.open();
    });
    afterEach(() => stage.end());

    test("tells its version", async () => {
      expect((await stage.terminal.probe()).version).not.toBe("");
    });

    test("launching the same id twice returns the first terminal, also side by side", async () => {
      const [first, second] = await Promise.all([stage.launch("agent-1"), stage.launch("agent-1")]);
      expect(second).toEqual(first);
      expect(await stage.launch("agent-1")).toEqual(first);
    });

    test("an id that is no plain name is refused", async () => {
      for (const runtimeId of ["", "a;b", "A", "a b", "#(x)", "a".repeat(65)]) {
        await expect(stage.launch(runtimeId)).rejects.toMatchObject({ code: "invalid_input" });
      }
    });

    test("a new instance finds what an earlier one launched", async () => {
      const address = await stage.launch("agent-1");
      const later = stage.reopen();
      expect(await later.find("agent-1")).toEqual(address);
      expect(await later.find("agent-2")).toBeNull();
      expect((await later.view(address)).alive).toBe(true);
    });

    test("what was launched and still lives is listed with its address", async () => {
      expect(await stage.terminal.listLaunched()).toEqual([]);
      const first = await stage.launch("agent-1");
      const second = await stage.launch("agent-2");
      const third = await stage.launch("agent-3");
      await stage.terminal.kill(third, { graceMs: 0 });
      const listed = await stage.reopen().listLaunched();
      expect(listed.toSorted((a, b) => (a.runtimeId < b.runtimeId ? -1 : 1))).toEqual([
        { runtimeId: "agent-1", address: first },
        { runtimeId: "agent-2", address: second },
      ]);
    });

    test("a name that begins alike is not found", async () => {
      await stage.launch("agent-10");
      expect(await stage.terminal.find("agent-1")).toBeNull();
    });

    test("adopting takes the identity of the living program", async () => {
      const address = await stage.launch("agent-1");
      expect(await stage.terminal.adopt(address)).toEqual(address);
      await stage.terminal.kill(address, { graceMs: 0 });
      await expect(stage.terminal.adopt(address)).rejects.toMatchObject({ code: "terminal_missing" });
    });

    test("pasted text stands in the box and Enter submits it", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      expect(await stage.terminal.paste(address, "hällo wörld ✓")).toBe(Buffer.byteLength("hällo wörld ✓"));
      await until(
        async () => read(await stage.terminal.view(address)).draft === "hällo wörld ✓",
        "the text is in the box",
      );
      await stage.terminal.pressEnter(address);
      await screenShows(stage.terminal, address, "> hällo wörld ✓");
      expect(read(await stage.terminal.view(address)).draft).toBe("");
    });

    test("a ghost suggestion is shown in the lines but is no draft", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      const view = await stage.terminal.view(address);
      expect(view.lines).toContainEqual("› Ask anything");
      expect(view.solidLines).not.toContainEqual("› Ask anything");
      expect(read(view).draft).toBe("");
    });

    test("the cursor and the title are the program's", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      await submit(stage.terminal, address, "/title a | b;c");
      await until(async () => (await stage.terminal.view(address)).title === "a | b;c", "the title arrives");
      await stage.terminal.paste(address, "abc");
      await until(
        async () => (await stage.terminal.view(address)).cursor.column === 5,
        "the cursor stands after the text",
      );
      const { cursor, lines } = await stage.terminal.view(address);
      expect(lines[cursor.row]).toBe("› abc");
    });

    test("the program gets exactly the given folder and environment, however hostile", async () => {
      const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8", HOSTILE: "a;b #(touch x) $HOME `id` 'q\"" };
      const address = await stage.launch("agent-1", { env });
      await untilIdle(stage.terminal, address);
      for (const [name, value] of Object.entries({
        HOSTILE: env.HOSTILE,
        TMUX: "(absent)",
        TMUX_PANE: "(absent)",
      })) {
        await submit(stage.terminal, address, `/env ${name}`);
        await screenShows(stage.terminal, address, `${name}=${value}`);
      }
    });

    test("a watcher is rung when the screen changes, and not any more once it unsubscribed", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      let rings = 0;
      const unsubscribe = await stage.terminal.watch(address, () => (rings += 1));
      await stage.terminal.paste(address, "x");
      await until(() => rings > 0, "the watcher is rung");
      unsubscribe();
      const before = rings;
      await stage.terminal.pressEnter(address);
      await screenShows(stage.terminal, address, "> x");
      expect(rings).toBe(before);
    });

    test("a watcher is rung when the program ends", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      let isDeadSeen = false;
      await stage.terminal.watch(address, () => {
        const seen = (view: TerminalView): void => void (isDeadSeen ||= !view.alive);
        // The last ring may come when the stage is already being cleared.
        void stage.terminal.view(address).then(seen, () => {});
      });
      stage.killProgram(address);
      await until(() => isDeadSeen, "the watcher sees the end");
    });

    test("after the end of the program its exit code and last screen are readable and nothing is typed", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      await submit(stage.terminal, address, "/exit 3");
      await until(async () => !(await stage.terminal.view(address)).alive, "the program ended");
      await until(async () => (await stage.terminal.view(address)).exitCode === 3, "the exit code is known");
      expect((await stage.terminal.view(address)).lines[0]).toBe("prompt program");
      await expect(stage.terminal.paste(address, "x")).rejects.toMatchObject({ code: "terminal_missing" });
      await expect(stage.terminal.pressEnter(address)).rejects.toMatchObject({ code: "terminal_missing" });
      expect(await stage.terminal.find("agent-1")).toBeNull();
    });

    test("an id whose program ended can be launched again", async () => {
      const first = await stage.launch("agent-1");
      await untilIdle(stage.terminal, first);
      stage.killProgram(first);
      await until(async () => !(await stage.terminal.view(first)).alive, "the program ended");
      const second = await stage.launch("agent-1");
      expect(second.pid).not.toBe(first.pid);
      await untilIdle(stage.terminal, second);
      await expect(stage.terminal.paste(first, "x")).rejects.toMatchObject({
        code: expect.stringMatching(/^terminal_(missing|identity_mismatch)$/),
      });
      expect(read(await stage.terminal.view(second)).draft).toBe("");
    });

    test("killing is idempotent and leaves nothing", async () => {
      const address = await stage.launch("agent-1");
      await stage.terminal.kill(address, { graceMs: 50 });
      await stage.terminal.kill(address, { graceMs: 50 });
      expect(await stage.terminal.find("agent-1")).toBeNull();
      await expect(stage.terminal.view(address)).rejects.toMatchObject({ code: "terminal_missing" });
    });

    test("an address with another start time is another program", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      const other = { ...address, pid: address.pid + 1, pidStartedAt: "1" };
      await expect(stage.terminal.view(other)).rejects.toMatchObject({ code: "terminal_identity_mismatch" });
      await expect(stage.terminal.paste(other, "x")).rejects.toMatchObject({
        code: expect.stringMatching(/^terminal_(missing|identity_mismatch)$/),
      });
      expect(read(await stage.terminal.view(address)).draft).toBe("");
    });

    test("a place that got another program takes no byte under the old address", async ({ skip }) => {
      if (stage.replaceProgram === null) return skip("a place of this backend never gets another program");
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      await stage.replaceProgram(address);
      for (const act of [
        () => stage.terminal.view(address),
        () => stage.terminal.paste(address, "x"),
        () => stage.terminal.pressEnter(address),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: "terminal_identity_mismatch" });
      }
    });

    test("a person's keystroke sets the human clock, output and our own typing do not", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      await submit(stage.terminal, address, "ours");
      await screenShows(stage.terminal, address, "> ours");
      expect((await stage.terminal.view(address)).humanIdleMs).toBeNull();
      expect((await stage.terminal.view(address)).viewers).toBe(0);
      const person = await stage.personAttaches(address);
      const idleMs = async () => (await stage.terminal.view(address)).humanIdleMs ?? -1;
      await until(async () => (await idleMs()) > 0, "the person is quiet for a moment");
      await submit(stage.terminal, address, "ours again");
      await screenShows(stage.terminal, address, "> ours again");
      const before = await idleMs();
      expect(before).toBeGreaterThan(0);
      const typedAt = stage.clock.now();
      person.type("theirs");
      await screenShows(stage.terminal, address, "› theirs");
      const after = await idleMs();
      expect(after).toBeLessThanOrEqual(stage.clock.now() - typedAt);
    });

    test("a person's last keystroke is remembered after they left", async () => {
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      const person = await stage.personAttaches(address);
      person.type("draft");
      await screenShows(stage.terminal, address, "› draft");
      await person.leave();
      await until(async () => (await stage.terminal.view(address)).viewers === 0, "the person left");
      expect((await stage.terminal.view(address)).humanIdleMs).not.toBeNull();
    });

    test("while the history is open nothing is typed; without a reader it can be left", async ({ skip }) => {
      if (stage.openHistory === null) return skip("this backend has no history view");
      const address = await stage.launch("agent-1");
      await untilIdle(stage.terminal, address);
      await stage.openHistory(address);
      expect((await stage.terminal.view(address)).inCopyMode).toBe(true);
      await expect(stage.terminal.paste(address, "x")).rejects.toMatchObject({ code: "conflict" });
      await expect(stage.terminal.pressEnter(address)).rejects.toMatchObject({ code: "conflict" });
      await stage.terminal.leaveCopyMode(address);
      const view = await stage.terminal.view(address);
      expect(view.inCopyMode).toBe(false);
      expect(read(view).draft).toBe("");
    });
  });
}
