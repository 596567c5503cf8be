/** What only terminals with real processes can show. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import { type Stage, stageKinds, recorderFixture, until } from "./stage.ts";
import { screenShows, untilIdle } from "./terminal-conformance.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";

const env = { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" };
const launchAndExit = join(import.meta.dirname, "../../fixtures/terminals/launch-and-exit.ts");

describe.each(stageKinds.filter((kind) => kind.isAvailable && kind.hasProcesses))(
  "processes in $name",
  (kind) => {
    let stage: Stage;
    let terminal: Terminal;
    beforeEach(() => {
      stage = kind.open();
      terminal = stage.terminal;
    });
    afterEach(() => stage.end());

    const ended = async (address: TerminalAddress) => {
      await until(async () => !(await terminal.view(address)).alive, "the program ended");
      return terminal.view(address);
    };

    async function record(
      mode: "framed" | "plain",
    ): Promise<{ address: TerminalAddress; bytes: () => string }> {
      const file = join(stage.folder, "recorded");
      writeFileSync(file, "");
      const argv = [process.execPath, "--no-warnings", recorderFixture, file, mode] as const;
      const address = await stage.launch("recorder", { argv });
      await screenShows(terminal, address, "recording");
      return { address, bytes: () => readFileSync(file, "utf8") };
    }

    test("a paste is framed when the program asked for it, newlines stay newlines, Enter is a carriage return", async () => {
      const { address, bytes } = await record("framed");
      await terminal.paste(address, "one\ntwo\tö;");
      await until(() => bytes() === "\x1b[200~one\ntwo\tö;\x1b[201~", "the framed bytes arrive");
      await terminal.pressEnter(address);
      await until(() => bytes().endsWith("\x1b[201~\r"), "Enter arrives");
    });

    test("a paste is not framed when the program did not ask for it", async () => {
      const { address, bytes } = await record("plain");
      await terminal.paste(address, "one\ntwo");
      await until(() => bytes() === "one\ntwo", "the plain bytes arrive");
    });

    test("hostile text arrives as harmless text and runs nothing", async () => {
      const { address, bytes } = await record("framed");
      const proof = join(stage.folder, "proof");
      const attacks = [
        `x; run-shell 'touch ${proof}' ;`,
        `#(touch ${proof})`,
        `$(touch ${proof}) \`touch ${proof}\``,
        `\u001b[201~\rtouch ${proof}\r`,
        "-t %0 \\; kill-server",
      ];
      for (const attack of attacks) await terminal.paste(address, attack);
      await terminal.paste(address, "END");
      await until(() => bytes().includes("END\x1b[201~"), "everything arrived");
      const frames = bytes().split("\x1b[201~");
      expect(frames).toHaveLength(attacks.length + 2);
      expect(bytes()).not.toContain("\r");
      expect(bytes()).toContain(attacks[0]);
      expect(existsSync(proof)).toBe(false);
    });

    test("a long paste arrives whole", async () => {
      const { address, bytes } = await record("framed");
      const text = "0123456789abcdef".repeat(4_000);
      expect(await terminal.paste(address, text)).toBe(64_000);
      await until(() => bytes().length >= 64_000 + 12, "all bytes arrive");
      expect(bytes()).toBe(`\x1b[200~${text}\x1b[201~`);
    });

    test("hostile folder names are only folders", async () => {
      for (const [index, name] of [
        "repo#(touch pwned)",
        "a;b",
        "sp ace '\"",
        "$(touch pwned)",
        "%H",
      ].entries()) {
        const cwd = join(stage.folder, name);
        mkdirSync(cwd);
        const address = await stage.launch(`agent-${index}`, {
          argv: ["/bin/sh", "-c", "pwd; touch here"],
          cwd,
        });
        await ended(address);
        expect(readdirSync(cwd)).toEqual(["here"]);
      }
      expect(readdirSync(stage.folder)).not.toContain("pwned");
    });

    test("hostile arguments reach the program as they are", async () => {
      const file = join(stage.folder, "args");
      const hostile = ["a;", ";", "#{pane_id}", "#(id)", "$(id)", "", "-t", "%0", "new\nline"];
      const script = 'printf "%s\\0" "$@" > "$0"';
      await ended(await stage.launch("agent-1", { argv: ["/bin/sh", "-c", script, file, ...hostile] }));
      expect(readFileSync(file, "utf8").split("\0").slice(0, -1)).toEqual(hostile);
    });

    test("the environment is exactly the given one, plus TERM", async () => {
      const file = join(stage.folder, "env");
      const script = `exec /usr/bin/env > ${file}`;
      await ended(
        await stage.launch("agent-1", { argv: ["/bin/sh", "-c", script], env: { ...env, ONLY: "this" } }),
      );
      const names = readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => line.split("=")[0]);
      // The shell itself adds PWD (and dash nothing else).
      expect(new Set(names.filter((name) => name !== "PWD"))).toEqual(
        new Set(["LC_ALL", "ONLY", "PATH", "TERM"]),
      );
    });

    test("no wrapper remains: the recorded process is the program, on a sane terminal, with default signals", async () => {
      const script =
        "echo pid=$$; stty -a | tr ';' '\\n' | grep -c icanon; grep SigIgn /proc/$$/status; exec sleep 600";
      const address = await stage.launch("agent-1", { argv: ["/bin/sh", "-c", script] });
      await screenShows(terminal, address, `pid=${address.pid}`);
      await screenShows(terminal, address, "SigIgn:\t0000000000000000".replace("\t", " "));
      await until(
        async () => (await terminal.view(address)).foreground === "sleep",
        "the program is in front",
      );
    });

    test("behind a wrapper script the program in front is the real one", async () => {
      const address = await stage.launch("agent-1", { argv: ["/bin/sh", "-c", "sleep 600; true"] });
      await until(
        async () => (await terminal.view(address)).foreground === "sleep",
        "the real program is named",
      );
    });

    test.each([
      {
        what: "a program that does not exist",
        command: "no-such-program",
        cwd: "/",
        message: "program not found",
      },
      {
        what: "a path that does not exist",
        command: "/nowhere/program",
        cwd: "/",
        message: "program not found",
      },
      {
        what: "a folder that does not exist",
        command: "/bin/true",
        cwd: "/nowhere",
        message: "the folder does not",
      },
      { what: "a folder instead of a program", command: "/usr", cwd: "/", message: "program not found" },
    ])("$what is told on the screen and by the exit code", async ({ command, cwd, message }) => {
      const view = await ended(await stage.launch("agent-1", { argv: [command], cwd }));
      expect(view.exitCode).toBe(127);
      expect(view.lines.join("\n")).toContain(`rouse: cannot start: ${message}`);
    });

    test("scripts without and with a broken interpreter line fail or run clearly", async () => {
      const plain = join(stage.folder, "plain");
      writeFileSync(plain, "exit 5\n", { mode: 0o700 });
      expect((await ended(await stage.launch("plain", { argv: [plain] }))).exitCode).toBe(5);
      const broken = join(stage.folder, "broken");
      writeFileSync(broken, "#!/no/such/interpreter\n", { mode: 0o700 });
      const view = await ended(await stage.launch("broken", { argv: [broken] }));
      expect(view.exitCode).toBe(126);
      expect(view.lines.join("\n")).toContain("the interpreter");
    });

    test("the launch spec with its secrets is gone once the program runs", async () => {
      const address = await stage.launch("agent-1", { env: { ...env, TOKEN: "secret" } });
      await untilIdle(terminal, address);
      expect(readdirSync(stage.folder).filter((name) => name.startsWith("launch-"))).toEqual([]);
    });

    test("what a process launched that was killed is found by the next one", async () => {
      const child = spawnSync(process.execPath, [
        "--no-warnings",
        launchAndExit,
        kind.name,
        stage.folder,
        "agent-1",
      ]);
      expect(child.signal).toBe("SIGKILL");
      const address: TerminalAddress = JSON.parse(child.stdout.toString());
      expect(await terminal.find("agent-1")).toEqual(address);
      await untilIdle(terminal, address);
      expect(await stage.launch("agent-1")).toEqual(address);
    });

    test("kill insists on a program that ignores SIGHUP", async () => {
      const address = await stage.launch("agent-1", {
        argv: ["/bin/sh", "-c", "trap '' HUP; echo ready; while :; do sleep 1; done"],
      });
      await screenShows(terminal, address, "ready");
      await terminal.kill(address, { graceMs: 50 });
      expect(processStartedAt(address.pid)).not.toBe(address.pidStartedAt);
    });

    test("the socket folder is closed to others, and an open one is refused", async () => {
      const open = join(stage.folder, "open");
      mkdirSync(open, { mode: 0o755 });
      const { createTmuxTerminal } = await import("../../../adapters/terminals/tmux/terminal.ts");
      const { createPtyTerminal } = await import("../../../adapters/terminals/pty/terminal.ts");
      const create = kind.name === "tmux" ? createTmuxTerminal : createPtyTerminal;
      const request = { runtimeId: "agent-1", argv: ["/bin/true"] as const, cwd: "/", env };
      const careless = create({ folder: open, clock: stage.clock });
      await expect(careless.launch(request)).rejects.toMatchObject({ code: "directory_not_writable" });
      const deep = create({ folder: join(stage.folder, "x".repeat(100)), clock: stage.clock });
      await expect(deep.launch(request)).rejects.toMatchObject({ code: "invalid_input" });
    });
  },
);
