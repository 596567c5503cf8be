import { RouseError } from "../../../runtime/errors.ts";
import type {
  AnswerKey,
  LaunchRequest,
  Terminal,
  TerminalAddress,
  TerminalView,
} from "../../../runtime/terminal.ts";
import { sleep, type TerminalClock } from "../clock.ts";
import { endProcess, signalProcess } from "../end-process.ts";
import {
  checkLaunchRequest,
  launcherArgv,
  removeLaunchSpec,
  requireRuntimeId,
  writeLaunchSpec,
} from "../launch-spec.ts";
import { foregroundOf, processStartedAt } from "../process-table.ts";
import { sanitizeForTerminal } from "../sanitize.ts";
import { serially } from "../serially.ts";
import {
  createTmuxClient,
  isMissingTarget,
  requireNewEnough,
  requireSuccess,
  type TmuxClient,
} from "./client.ts";
import { HumanTouch } from "./human-touch.ts";
import {
  checkIdentity,
  isSameProcess,
  requireAlive,
  requirePaneId,
  requireServerSocket,
  livingAddress,
  openedAddress,
} from "./identity.ts";
import { lookAtPane, missingPane, type PaneLook } from "./look.ts";
import { ringViewers } from "./ring-viewers.ts";
import { endIdleServer, ensureServer, ownSocketPath, sessionTarget } from "./server.ts";
import { openedFormat, parseOpened, sizeCommands } from "./window.ts";
import { leaveHistory, pasteText, sendKey } from "./typing-commands.ts";
import { Watcher } from "./watcher.ts";

export interface TmuxOptions {
  /** Private folder for the socket and launch specs; made with mode 0700. The same folder finds the same terminals. */
  folder: string;
  clock: TerminalClock;
  /** Default `tmux`, looked up in PATH. */
  program?: string;
  /** Deadline of one tmux call. Default 5000. */
  timeoutMs?: number;
  /** Slow poll below the push. Default 1000. */
  pollMs?: number;
}

const maxPasteBytes = 64 * 1024;
const defaultGraceMs = 2_000;
const looksForExitCode = 10;
const lookAgainMs = 15;

interface OwnPane {
  runtimeId: string;
  pane: string;
  pid: number;
  isDead: boolean;
}

export function createTmuxTerminal(options: TmuxOptions): Terminal {
  return new TmuxTerminal(options);
}

class TmuxTerminal implements Terminal {
  readonly backend = "tmux";
  readonly #folder: string;
  readonly #clock: TerminalClock;
  readonly #tmux: TmuxClient;
  readonly #touch = new HumanTouch();
  readonly #watcher: Watcher;
  readonly #oneLaunchPerId = serially();
  readonly #oneServerStart = serially();
  #isProbed = false;

  constructor({ folder, clock, program = "tmux", timeoutMs = 5_000, pollMs = 1_000 }: TmuxOptions) {
    this.#folder = folder;
    this.#clock = clock;
    this.#tmux = createTmuxClient({ program, timeoutMs });
    const onViewers: HumanTouch["note"] = (server, viewers) => this.#touch.note(server, viewers);
    this.#watcher = new Watcher({ tmux: this.#tmux, clock, pollMs, onViewers });
  }

  async probe(): Promise<{ version: string }> {
    const result = await this.#tmux.run(ownSocketPath(this.#folder), ["-V"]);
    const version = requireSuccess(result, "tell its version")
      .trim()
      .replace(/^tmux /, "");
    requireNewEnough(version);
    this.#isProbed = true;
    return { version };
  }

  async launch(request: LaunchRequest): Promise<TerminalAddress> {
    const spec = checkLaunchRequest(request);
    if (!this.#isProbed) await this.probe();
    const server = await this.#oneServerStart("server", () => ensureServer(this.#tmux, this.#folder));
    return this.#oneLaunchPerId(request.runtimeId, async () => {
      const former = await this.#findOwn(request.runtimeId);
      if (former !== null && !former.isDead) return livingAddress(server, former);
      // The remains of an ended program make room for the new one.
      if (former !== null) await this.#tmux.run(server, ["kill-pane", "-t", former.pane]);
      const specPath = writeLaunchSpec(this.#folder, spec, this.#clock.now());
      try {
        return await this.#openWindow(server, request, specPath);
      } catch (error) {
        removeLaunchSpec(specPath);
        throw error;
      }
    });
  }

  async #openWindow(server: string, request: LaunchRequest, specPath: string): Promise<TerminalAddress> {
    const { runtimeId, columns, rows } = request;
    const window = `${sessionTarget}:=${runtimeId}`;
    const size = columns === undefined || rows === undefined ? [] : sizeCommands(window, columns, rows);
    const result = await this.#tmux.run(server, [
      // -S with -d: when a window of this name exists nothing happens, so two racing launches open one.
      ...["new-window", "-d", "-S", "-P", "-F", openedFormat, "-t", `${sessionTarget}:`],
      ...["-n", runtimeId, "-c", "/", "--"],
      ...[...launcherArgv(specPath), ";"],
      ...["set-option", "-p", "-t", window, "@rouse_runtime", runtimeId],
      ...size,
    ]);
    // Told in the same breath, so that a program that ends at once has an address, too, and its last words are read.
    const opened = parseOpened(requireSuccess(result, "open a window"));
    if (opened !== null) return openedAddress(server, opened);
    const racing = await this.#findOwn(runtimeId);
    if (racing !== null && !racing.isDead) return livingAddress(server, racing);
    throw new RouseError("launch_failed", `The program of ${runtimeId} ended while it was started.`, {
      nextStep: "Run the agent's command by hand to see its error.",
    });
  }

  async adopt(target: { server: string; target: string }): Promise<TerminalAddress> {
    const server = requireServerSocket(target.server);
    const pane = requirePaneId(target.target);
    const look = await this.#lookAt(server, pane);
    if (look.isDead) throw missingPane(server, pane);
    return livingAddress(server, { pane, pid: look.pid });
  }

  async find(runtimeId: string): Promise<TerminalAddress | null> {
    const own = await this.#findOwn(requireRuntimeId(runtimeId));
    if (own === null || own.isDead) return null;
    return livingAddress(ownSocketPath(this.#folder), own);
  }

  async listLaunched(): Promise<{ runtimeId: string; address: TerminalAddress }[]> {
    const server = ownSocketPath(this.#folder);
    const living = (await this.#listOwn()).filter(({ isDead }) => !isDead);
    return living.map(({ runtimeId, ...own }) => ({ runtimeId, address: livingAddress(server, own) }));
  }

  ringViewers(): Promise<number> {
    return ringViewers(this.#tmux, ownSocketPath(this.#folder));
  }

  async view(address: TerminalAddress): Promise<TerminalView> {
    const { look, alive } = await this.#lookWithEnd(address);
    return {
      alive,
      ...(look.exitCode === undefined ? {} : { exitCode: look.exitCode }),
      lines: look.screen.lines,
      solidLines: look.screen.solidLines,
      cursor: look.cursor,
      title: look.title,
      inCopyMode: look.inMode,
      viewers: look.viewers.filter((viewer) => viewer.windowId === look.windowId).length,
      humanIdleMs: this.#touch.idleMs(address.server, look.windowId, this.#clock.now()),
      foreground: alive ? foregroundOf(address.pid) : "",
    };
  }

  async paste(address: TerminalAddress, text: string): Promise<number> {
    await this.#checkBeforeTyping(address);
    return pasteText(this.#tmux, address, sanitizeForTerminal(text, { maxBytes: maxPasteBytes }));
  }

  async pressEnter(address: TerminalAddress): Promise<void> {
    await this.#checkBeforeTyping(address);
    await sendKey(this.#tmux, address, "Enter");
  }

  async pressKey(address: TerminalAddress, key: AnswerKey): Promise<void> {
    await this.#checkBeforeTyping(address);
    await sendKey(this.#tmux, address, key);
  }

  async leaveCopyMode(address: TerminalAddress): Promise<void> {
    requireAlive(address, await this.#lookAt(address.server, requirePaneId(address.target)));
    await leaveHistory(this.#tmux, address);
  }

  async watch(address: TerminalAddress, onChange: () => void): Promise<() => void> {
    const look = await this.#lookAt(address.server, requirePaneId(address.target));
    checkIdentity(address, look);
    return this.#watcher.watch(
      { server: address.server, sessionId: look.sessionId, pane: address.target },
      onChange,
    );
  }

  async kill(
    address: TerminalAddress,
    { graceMs = defaultGraceMs }: { graceMs?: number } = {},
  ): Promise<void> {
    const pane = requirePaneId(address.target);
    await endProcess({ pid: address.pid, startedAt: address.pidStartedAt, graceMs, clock: this.#clock });
    const isStillOurs = `#{==:#{pane_pid},${address.pid}}`;
    const result = await this.#tmux.run(address.server, [
      "if-shell",
      "-F",
      "-t",
      pane,
      isStillOurs,
      `kill-pane -t ${pane}`,
    ]);
    if (!isMissingTarget(result)) requireSuccess(result, "remove the pane");
  }

  attachCommand(address: TerminalAddress): readonly string[] {
    // A session of their own in the pane's group: two people can look at two agents.
    return [
      ...this.#tmux.command(address.server),
      ...["new-session", "-t", address.target, ";", "set-option", "destroy-unattached", "on", ";"],
      ...["select-window", "-t", address.target],
    ];
  }

  async close(): Promise<void> {
    this.#watcher.close();
    await endIdleServer(this.#tmux, this.#folder);
  }

  /** tmux learns a moment after the kernel that a program ended, and its exit code yet a moment later. */
  async #lookWithEnd(address: TerminalAddress): Promise<{ look: PaneLook; alive: boolean }> {
    const pane = requirePaneId(address.target);
    for (let attempt = 1; ; attempt += 1) {
      const look = await this.#lookAt(address.server, pane);
      const { alive } = checkIdentity(address, look);
      // Without a code after all these looks a signal ended it.
      if (alive || look.exitCode !== undefined || attempt === looksForExitCode) return { look, alive };
      // tmux 3.3a sometimes misses the end of a child and leaves a zombie; this makes it look.
      signalProcess(look.serverPid, "SIGCHLD");
      await sleep(this.#clock, lookAgainMs);
    }
  }

  async #lookAt(server: string, pane: string): Promise<PaneLook> {
    const look = await lookAtPane(this.#tmux, server, pane);
    this.#touch.note(server, look.viewers);
    return look;
  }

  /** The server itself checks pane and pid when it writes; only the kernel knows whether a pid was used again. */
  async #checkBeforeTyping(address: TerminalAddress): Promise<void> {
    const pane = requirePaneId(address.target);
    if (isSameProcess(address)) return;
    requireAlive(address, await this.#lookAt(address.server, pane));
  }

  async #findOwn(runtimeId: string): Promise<OwnPane | null> {
    return (await this.#listOwn()).find((own) => own.runtimeId === runtimeId) ?? null;
  }

  async #listOwn(): Promise<OwnPane[]> {
    const format = "#{@rouse_runtime}|#{pane_id}|#{pane_pid}|#{pane_dead}";
    const result = await this.#tmux.run(ownSocketPath(this.#folder), ["list-panes", "-a", "-F", format]);
    if (isMissingTarget(result)) return [];
    const rows = requireSuccess(result, "list its panes")
      .split("\n")
      .map((line) => line.split("|"));
    return rows.flatMap(([runtimeId = "", pane = "", pid, dead]) =>
      // The pane without a runtime keeps the server alive. A program may be gone a moment before tmux notices.
      runtimeId === ""
        ? []
        : [
            {
              runtimeId,
              pane,
              pid: Number(pid),
              isDead: dead === "1" || processStartedAt(Number(pid)) === null,
            },
          ],
    );
  }
}
