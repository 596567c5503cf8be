import { appendFileSync } from "node:fs";
import { once } from "node:events";
import { createServer } from "node:http";
import type { Socket } from "node:net";

/** What a fake app-server does with a turn that it is asked to start. */
export type Temper = "starts" | "ignores" | "refuses" | "dies" | "startsAndDies";

export interface FakeAppServer {
  /** Methods, in order. */
  asked: string[];
  close(): Promise<void>;
}

/** Answers as Codex's app-server does, as far as a wake needs it, and also says what nobody asked for. */
export async function openFakeAppServer(options: {
  socketPath: string;
  rollout: string;
  temper: Temper;
  status: string;
}): Promise<FakeAppServer> {
  const asked: string[] = [];
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("upgrade", (_request, socket: Socket) => {
    sockets.add(socket);
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    socket.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      for (const text of textsIn(bytes)) answer(socket, text, options, asked);
    });
  });
  server.listen(options.socketPath);
  await once(server, "listening");
  return {
    asked,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

interface Request {
  id?: number;
  method: string;
  params?: { clientUserMessageId?: string };
}

function answer(
  socket: Socket,
  text: string,
  { rollout, temper, status }: Parameters<typeof openFakeAppServer>[0],
  asked: string[],
): void {
  const { id, method, params } = JSON.parse(text) as Request;
  asked.push(method);
  if (id === undefined) return;
  say(socket, "a word that is no message");
  say(socket, JSON.stringify({ method: "configWarning", params: { text: "long ".repeat(200) } }));
  // What Codex asks of its clients has ids of its own.
  say(socket, JSON.stringify({ id, method: "item/commandExecution/requestApproval", params: {} }));
  const reply = (content: object): void => say(socket, JSON.stringify({ id, ...content }));
  if (method === "thread/read") return reply({ result: { thread: { status: { type: status } } } });
  if (method !== "turn/start") return reply({ result: {} });
  if (temper.startsWith("starts")) take(rollout, params?.clientUserMessageId ?? "");
  if (temper === "refuses") return reply({ error: { code: -32_600, message: "thread not found" } });
  if (temper.toLowerCase().endsWith("dies")) return void socket.destroy();
  reply({ result: { turn: { id: "turn-1" } } });
}

function take(rollout: string, clientId: string): void {
  const item = { type: "UserMessage", client_id: clientId, content: [] };
  const payload = { type: "item_completed", item };
  appendFileSync(rollout, `${JSON.stringify({ type: "event_msg", payload })}\n`);
}

/** In two fragments, with a ping between them, and each frame in two pieces. */
function say(socket: Socket, text: string): void {
  const bytes = Buffer.from(text);
  const half = Math.floor(bytes.length / 2);
  const frames = [frame(0x01, bytes.subarray(0, half)), frame(0x89, Buffer.from("?"))];
  const all = Buffer.concat([...frames, frame(0x80, bytes.subarray(half))]);
  socket.write(all.subarray(0, 1));
  socket.write(all.subarray(1));
}

function frame(first: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? [first, length] : [first, 126, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Clients mask what they send; pongs are passed over. */
function* textsIn(bytes: Buffer): Generator<string> {
  for (let at = 0; at < bytes.length;) {
    const isWide = ((bytes[at + 1] ?? 0) & 127) === 126;
    const length = isWide ? bytes.readUInt16BE(at + 2) : (bytes[at + 1] ?? 0) & 127;
    const opcode = (bytes[at] ?? 0) & 15;
    at += isWide ? 4 : 2;
    const mask = bytes.subarray(at, at + 4);
    const payload = bytes.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    if (opcode === 1) yield payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)).toString();
  }
}
