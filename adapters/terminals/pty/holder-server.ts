/** Serves one held program to clients on its unix socket. */
import { createServer, type Server, type Socket } from "node:net";
import { errorBody, errorCodes, RouseError, type ErrorCode } from "../../../runtime/errors.ts";
import { coalesce } from "../coalesce.ts";
import type { TerminalClock } from "../clock.ts";
import { HeldProgram } from "./held-program.ts";
import { encodeLine, holderCall, type HolderMessage, type HolderRequest, lineSplitter } from "./protocol.ts";

const coalesceMs = 15;
/** A person's terminal that takes no output any more is cut off rather than kept in memory. */
const maxBacklogBytes = 8 * 1024 * 1024;

export interface HolderStart {
  runtimeId: string;
  specPath: string;
  columns: number;
  rows: number;
  clock: TerminalClock;
  /** Called when the program has ended, and when it was killed by request. */
  onEnd(how: "ended" | "killed"): void;
}

export class HolderServer {
  readonly #start: HolderStart;
  readonly #program: HeldProgram;
  readonly #watching = new Set<Socket>();
  readonly #attached = new Set<Socket>();
  readonly #bell: ReturnType<typeof coalesce>;
  readonly #server: Server;

  /** Listens first: of two holders that race for a socket only one starts the program. */
  static open(start: HolderStart, socketPath: string): Promise<HolderServer> {
    const server = createServer();
    return new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, () => resolve(new HolderServer(start, server)));
    });
  }

  private constructor(start: HolderStart, server: Server) {
    this.#start = start;
    this.#server = server;
    this.#bell = coalesce(start.clock, coalesceMs, () => broadcast(this.#watching, { event: "changed" }));
    this.#program = new HeldProgram(start, {
      onOutput: (data) => broadcast(this.#attached, { event: "output", data }),
      onChange: () => this.#bell.ring(),
      onEnd: (exitCode) => {
        broadcast(this.#attached, { event: "ended", exitCode });
        start.onEnd("ended");
      },
    });
    server.on("connection", (socket) => this.#serve(socket));
  }

  #serve(socket: Socket): void {
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#forget(socket));
    const onLine = (line: string) => void this.#answer(socket, line);
    socket.on(
      "data",
      lineSplitter(onLine, () => socket.destroy()),
    );
  }

  #forget(socket: Socket): void {
    this.#watching.delete(socket);
    if (this.#attached.delete(socket)) this.#program.detach();
  }

  async #answer(socket: Socket, line: string): Promise<void> {
    try {
      const { expect, request } = holderCall.parse(JSON.parse(line));
      if (expect !== undefined) this.#checkIdentity(expect);
      const result = await this.#perform(socket, request);
      if (result !== null) send(socket, { result });
      if (request.op === "kill") socket.end(() => this.#start.onEnd("killed"));
    } catch (error) {
      const { code, message } = errorBody(error);
      send(socket, { error: { code: isErrorCode(code) ? code : "internal", message } });
    }
  }

  async #perform(socket: Socket, request: HolderRequest): Promise<object | null> {
    const program = this.#program;
    switch (request.op) {
      case "hello":
        return { runtimeId: this.#start.runtimeId, ...program.identity, alive: program.isAlive };
      case "view":
        return program.view();
      case "paste":
        return { bytes: this.#requireAlive().paste(request.text) };
      case "enter":
        this.#requireAlive().pressEnter();
        return {};
      case "key":
        this.#requireAlive().pressKey(request.key);
        return {};
      case "kill":
        await program.kill(request.graceMs);
        // Removes the socket before the answer: whoever asks next finds nobody.
        this.#server.close();
        return {};
      case "watch":
        this.#watching.add(socket);
        return {};
      case "attach":
        return this.#attach(socket, request);
      case "input":
        if (this.#attached.has(socket)) program.personTypes(request.data);
        return null;
      case "resize":
        if (this.#attached.has(socket)) program.resize(request.columns, request.rows);
        return null;
    }
  }

  #attach(socket: Socket, size: { columns: number; rows: number }): null {
    if (this.#attached.has(socket)) return null;
    this.#attached.add(socket);
    send(socket, { event: "output", data: this.#program.attach(size.columns, size.rows) });
    return null;
  }

  #checkIdentity(expected: { pid: number; pidStartedAt: string }): void {
    const { pid, pidStartedAt } = this.#program.identity;
    if (pid === expected.pid && pidStartedAt === expected.pidStartedAt) return;
    throw new RouseError("terminal_identity_mismatch", `The terminal now runs process ${pid}.`);
  }

  #requireAlive(): HeldProgram {
    if (this.#program.isAlive) return this.#program;
    throw new RouseError("terminal_missing", "The program in this terminal has ended.");
  }
}

function broadcast(sockets: ReadonlySet<Socket>, message: HolderMessage): void {
  for (const socket of sockets) send(socket, message);
}

function send(socket: Socket, message: HolderMessage): void {
  if (socket.destroyed || socket.writableEnded) return;
  if (socket.writableLength > maxBacklogBytes) socket.destroy();
  else socket.write(encodeLine(message));
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
