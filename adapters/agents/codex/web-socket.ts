import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

/** As much of RFC 6455 as a client needs that sends and hears texts; Node's own speaks no unix socket. */

const opcodes = { continuation: 0, text: 1, close: 8, ping: 9, pong: 10 } as const;
const isFinal = 0x80;
const isMasked = 0x80;
/** No answer that we ask for comes near it. */
const maxMessageBytes = 64 * 1024 * 1024;

export interface TextSocket {
  send(text: string): void;
  close(): void;
}

interface Hearer {
  onText: (text: string) => void;
  /** Once, however it ended. */
  onEnd: (error: Error) => void;
}

/** Throws when nobody answers at `path`, or not as a WebSocket. */
export async function openTextSocket(path: string, hearer: Hearer, signal: AbortSignal): Promise<TextSocket> {
  const socket = await upgrade(socketBehind(path), signal);
  const frames = new FrameReader(socket, hearer.onText);
  socket.on("data", (bytes: Buffer) => frames.read(bytes));
  socket.on("error", (error) => socket.destroy(error));
  const end = (): void => void socket.destroy(new Error("broken off"));
  signal.addEventListener("abort", end, { once: true });
  socket.once("close", () => {
    signal.removeEventListener("abort", end);
    hearer.onEnd(socket.errored ?? new Error("the connection was closed"));
  });
  return {
    send: (text) => void socket.write(frame(opcodes.text, Buffer.from(text))),
    close: () => void socket.end(frame(opcodes.close, Buffer.alloc(0))),
  };
}

/** Codex puts a link where it was told to listen: the address of a socket has at most 107 bytes, a path may have more. */
export function socketBehind(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return path;
  }
}

async function upgrade(socketPath: string, signal: AbortSignal): Promise<Socket> {
  const headers = {
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
  };
  const asking = request({ socketPath, path: "/", headers, signal });
  asking.on("response", ({ statusCode }) => asking.destroy(new Error(`refused with ${statusCode}`)));
  // One that comes later is the socket's to tell; here it would end the node.
  asking.on("error", () => {});
  asking.end();
  const [, socket, head] = (await once(asking, "upgrade")) as [IncomingMessage, Socket, Buffer];
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function frame(opcode: number, payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const masked = payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0));
  return Buffer.concat([Buffer.from([isFinal | opcode]), lengthOf(payload), mask, masked]);
}

function lengthOf({ length }: Buffer): Buffer {
  if (length < 126) return Buffer.from([isMasked | length]);
  const wide = Buffer.alloc(length < 65_536 ? 3 : 9);
  wide[0] = isMasked | (length < 65_536 ? 126 : 127);
  if (length < 65_536) wide.writeUInt16BE(length, 1);
  else wide.writeBigUInt64BE(BigInt(length), 1);
  return wide;
}

class FrameReader {
  readonly #socket: Socket;
  readonly #onText: (text: string) => void;
  #unread = Buffer.alloc(0);
  #message: Buffer[] = [];

  constructor(socket: Socket, onText: (text: string) => void) {
    this.#socket = socket;
    this.#onText = onText;
  }

  read(bytes: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, bytes]);
    for (let next = this.#take(); next !== null; next = this.#take()) this.#hear(next);
  }

  #take(): { first: number; payload: Buffer } | null {
    const [first, second] = this.#unread;
    if (first === undefined || second === undefined) return null;
    const short = second & ~isMasked;
    const begin = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (this.#unread.length < begin) return null;
    const wide = short === 127 ? Number(this.#unread.readBigUInt64BE(2)) : 0;
    const length = short < 126 ? short : short === 126 ? this.#unread.readUInt16BE(2) : wide;
    if (length > maxMessageBytes) this.#socket.destroy(new Error("a message is too long"));
    if (this.#unread.length < begin + length) return null;
    const payload = this.#unread.subarray(begin, begin + length);
    this.#unread = this.#unread.subarray(begin + length);
    return { first, payload };
  }

  #hear({ first, payload }: { first: number; payload: Buffer }): void {
    const opcode = first & 0x0f;
    if (opcode === opcodes.ping) return void this.#socket.write(frame(opcodes.pong, payload));
    if (opcode === opcodes.close) return void this.#socket.end();
    if (opcode !== opcodes.text && opcode !== opcodes.continuation) return;
    this.#message.push(payload);
    if ((first & isFinal) === 0) return;
    const text = Buffer.concat(this.#message.splice(0)).toString("utf8");
    this.#onText(text);
  }
}
