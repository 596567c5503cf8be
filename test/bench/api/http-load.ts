import { connect, type Socket } from "node:net";

export interface Sent {
  status: number;
  body: string;
}

/**
 * One kept connection that speaks just enough HTTP/1.1: the generator of load shares two cores with what it measures, so it
 * has to cost little. Answers need a content length.
 */
export class Connection {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (sent: Sent) => void; reject: (error: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (part: Buffer) => this.#take(part));
    socket.on("error", (error) => this.#waiting?.reject(error));
    socket.on("close", () => this.#waiting?.reject(new Error("the connection was closed")));
  }

  static open(url: string): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), "127.0.0.1", () => resolve(new Connection(socket)));
      socket.once("error", reject);
    });
  }

  send(request: string): Promise<Sent> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = null;
    this.#socket.destroy();
  }

  #take(part: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? part : Buffer.concat([this.#buffer, part]);
    const headEnd = this.#buffer.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const head = this.#buffer.toString("latin1", 0, headEnd);
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return this.#waiting?.reject(new Error(`no content length: ${head}`));
    if (this.#buffer.length < headEnd + 4 + length) return;
    const body = this.#buffer.toString("utf8", headEnd + 4, headEnd + 4 + length);
    this.#buffer = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}

export interface Request {
  method: string;
  path: string;
  token?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The request as bytes. */
export function written({ method, path, token, headers = {}, body }: Request): string {
  const text = body === undefined ? "" : JSON.stringify(body);
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: localhost",
    ...(token === undefined ? [] : [`Authorization: Bearer ${token}`]),
    ...(body === undefined
      ? []
      : ["Content-Type: application/json", `Content-Length: ${Buffer.byteLength(text)}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${lines.join("\r\n")}\r\n\r\n${text}`;
}

export interface Load {
  url: string;
  connections: number;
  seconds: number;
  /** The request of the so-manieth call, as bytes. */
  request: (index: number) => string;
  /** Throws for an answer that is none of the expected. */
  check: (sent: Sent) => void;
}

export interface Throughput {
  perSecond: number;
  /** Of each call. Milliseconds. */
  latencies: number[];
}

/** Each connection sends its next call as soon as the one before was answered. */
export async function load({ url, connections, seconds, request, check }: Load): Promise<Throughput> {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(url)));
  const latencies: number[] = [];
  const startedAt = performance.now();
  const endsAt = startedAt + seconds * 1_000;
  let sent = 0;
  const drive = async (connection: Connection): Promise<void> => {
    while (performance.now() < endsAt) {
      const at = performance.now();
      check(await connection.send(request((sent += 1))));
      latencies.push(performance.now() - at);
    }
  };
  try {
    await Promise.all(open.map(drive));
  } finally {
    for (const connection of open) connection.close();
  }
  return { perSecond: latencies.length / ((performance.now() - startedAt) / 1_000), latencies };
}
