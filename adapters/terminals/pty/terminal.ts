import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Socket } from "node:net";
import { isRouseError, RouseError } from "../../../runtime/errors.ts";
import type {
  AnswerKey,
  LaunchRequest,
  Terminal,
  TerminalAddress,
  TerminalView,
} from "../../../runtime/terminal.ts";
import type { TerminalClock } from "../clock.ts";
import {
  checkLaunchRequest,
  removeLaunchSpec,
  requireRuntimeId,
  siblingProgram,
  writeLaunchSpec,
} from "../launch-spec.ts";
import { ensurePrivateFolder, requireSocketPath } from "../private-folder.ts";
import { processStartedAt } from "../process-table.ts";
import { sanitizeForTerminal } from "../sanitize.ts";
import { serially } from "../serially.ts";
import { askHolder, askOn, missingTerminal, onMessages, openHolder } from "./connection.ts";
import {
  helloResult,
  type HelloResult,
  type HolderRequest,
  nothing,
  pasteResult,
  viewResult,
} from "./protocol.ts";
import { startHolder } from "./start-holder.ts";

export interface PtyOptions {
  /** Private folder for sockets and launch specs; made with mode 0700. The same folder finds the same terminals. */
  folder: string;
  clock: TerminalClock;
  /** Deadline of one question to a holder. Default 5000. */
  timeoutMs?: number;
}

const maxPasteBytes = 64 * 1024;
const defaultGraceMs = 2_000;
const defaultSize = { columns: 160, rows: 48 };

export function createPtyTerminal(options: PtyOptions): Terminal {
  return new PtyTerminal(options);
}

class PtyTerminal implements Terminal {
  readonly backend = "pty";
  readonly #folder: string;
  readonly #clock: TerminalClock;
  readonly #timeoutMs: number;
  readonly #oneLaunchPerId = serially();
  readonly #watching = new Set<Socket>();

  constructor({ folder, clock, timeoutMs = 5_000 }: PtyOptions) {
    this.#folder = folder;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Loads the native module, which has no prebuilt binary for every platform. */
  async probe(): Promise<{ version: string }> {
    try {
      await import("node-pty");
      if (processStartedAt(process.pid) === null) throw new Error("/proc is not readable");
      return { version: "node-pty" };
    } catch (cause) {
      throw new RouseError("terminal_backend_missing", "Pseudo-terminals do not work on this machine.", {
        nextStep: "Install tmux and use the tmux backend.",
        cause,
      });
    }
  }

  launch(request: LaunchRequest): Promise<TerminalAddress> {
    return this.#oneLaunchPerId(request.runtimeId, async () => {
      const spec = checkLaunchRequest(request);
      const socketPath = this.#socketPath(request.runtimeId);
      ensurePrivateFolder(this.#folder);
      const former = await this.#helloOwn(request.runtimeId);
      if (former?.alive === true) return this.#addressOf(former);
      // The remains of an ended program make room for the new one.
      if (former !== null) await this.#ask(socketPath, { op: "kill", graceMs: 0 }, nothing);
      const specPath = writeLaunchSpec(this.#folder, spec, this.#clock.now());
      const { runtimeId, columns = defaultSize.columns, rows = defaultSize.rows } = request;
      try {
        await startHolder({ socketPath, runtimeId, specPath, columns, rows }, this.#clock);
      } catch (error) {
        removeLaunchSpec(specPath);
        throw error;
      }
      const hello = await this.#hello(socketPath);
      if (hello === null) throw missingTerminal(socketPath);
      return this.#addressOf(hello);
    });
  }

  /** `server`: socket path of a holder; `target`: the runtime id it was started for. */
  async adopt({ server, target }: { server: string; target: string }): Promise<TerminalAddress> {
    const hello = await this.#hello(server);
    if (hello === null || !hello.alive || hello.runtimeId !== target) throw missingTerminal(server);
    return { ...this.#addressOf(hello), server };
  }

  async find(runtimeId: string): Promise<TerminalAddress | null> {
    const hello = await this.#helloOwn(requireRuntimeId(runtimeId));
    return hello?.alive === true ? this.#addressOf(hello) : null;
  }

  async listLaunched(): Promise<{ runtimeId: string; address: TerminalAddress }[]> {
    const sockets = await readdir(this.#folder).catch(() => []);
    const paths = sockets.filter((name) => name.endsWith(".sock")).map((name) => join(this.#folder, name));
    const hellos = await Promise.all(paths.map((path) => this.#hello(path)));
    return hellos.flatMap((hello) =>
      hello?.alive === true ? [{ runtimeId: hello.runtimeId, address: this.#addressOf(hello) }] : [],
    );
  }

  view(address: TerminalAddress): Promise<TerminalView> {
    return this.#askProgram(address, { op: "view" }, viewResult);
  }

  async paste(address: TerminalAddress, text: string): Promise<number> {
    const safe = sanitizeForTerminal(text, { maxBytes: maxPasteBytes });
    return (await this.#askProgram(address, { op: "paste", text: safe }, pasteResult)).bytes;
  }

  async pressEnter(address: TerminalAddress): Promise<void> {
    await this.#askProgram(address, { op: "enter" }, nothing);
  }

  async pressKey(address: TerminalAddress, key: AnswerKey): Promise<void> {
    await this.#askProgram(address, { op: "key", key }, nothing);
  }

  /** A holder has no history view. */
  async leaveCopyMode(address: TerminalAddress): Promise<void> {
    await this.view(address);
  }

  async watch(address: TerminalAddress, onChange: () => void): Promise<() => void> {
    const socket = await openHolder(address.server);
    const { pid, pidStartedAt } = address;
    const request = { op: "watch" } as const;
    await askOn(socket, address.server, {
      request,
      expect: { pid, pidStartedAt },
      result: nothing,
      timeoutMs: this.#timeoutMs,
    });
    socket.setTimeout(0);
    this.#watching.add(socket);
    let isWatching = true;
    onMessages(socket, (message) => {
      if (isWatching && "event" in message && message.event === "changed") onChange();
    });
    // The holder's own end is a change too.
    socket.once("close", () => {
      this.#watching.delete(socket);
      if (isWatching) onChange();
    });
    return () => {
      isWatching = false;
      socket.destroy();
    };
  }

  async kill(
    address: TerminalAddress,
    { graceMs = defaultGraceMs }: { graceMs?: number } = {},
  ): Promise<void> {
    try {
      const timeoutMs = graceMs + this.#timeoutMs;
      await this.#askProgram(address, { op: "kill", graceMs }, nothing, timeoutMs);
    } catch (error) {
      const isGone =
        isRouseError(error, "terminal_missing") || isRouseError(error, "terminal_identity_mismatch");
      if (!isGone) throw error;
    }
  }

  attachCommand(address: TerminalAddress): readonly string[] {
    return [process.execPath, "--no-warnings", siblingProgram("./pty/attach"), address.server];
  }

  async close(): Promise<void> {
    for (const socket of this.#watching) {
      socket.removeAllListeners("close");
      socket.destroy();
    }
    this.#watching.clear();
  }

  async #hello(socketPath: string): Promise<HelloResult | null> {
    try {
      return await this.#ask(socketPath, { op: "hello" }, helloResult);
    } catch (error) {
      if (isRouseError(error, "terminal_missing")) return null;
      throw error;
    }
  }

  /** A holder that was killed leaves its socket behind. */
  async #helloOwn(runtimeId: string): Promise<HelloResult | null> {
    const socketPath = this.#socketPath(runtimeId);
    const hello = await this.#hello(socketPath);
    if (hello === null) rmSync(socketPath, { force: true });
    return hello;
  }

  #ask<Result>(
    socketPath: string,
    request: HolderRequest,
    result: Parameters<typeof askHolder<Result>>[1]["result"],
  ) {
    return askHolder(socketPath, { request, result, timeoutMs: this.#timeoutMs });
  }

  #askProgram<Result>(
    { server, pid, pidStartedAt }: TerminalAddress,
    request: HolderRequest,
    result: Parameters<typeof askHolder<Result>>[1]["result"],
    timeoutMs = this.#timeoutMs,
  ): Promise<Result> {
    return askHolder(server, { request, expect: { pid, pidStartedAt }, result, timeoutMs });
  }

  /** The id is hashed: a socket path has room for some hundred bytes only. */
  #socketPath(runtimeId: string): string {
    const name = createHash("sha256").update(runtimeId).digest("hex").slice(0, 16);
    return requireSocketPath(join(this.#folder, `${name}.sock`));
  }

  #addressOf({ runtimeId, pid, pidStartedAt }: HelloResult): TerminalAddress {
    return { backend: "pty", server: this.#socketPath(runtimeId), target: runtimeId, pid, pidStartedAt };
  }
}
