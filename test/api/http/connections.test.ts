import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { createWorld, type World } from "../world.ts";
import { serveAt, serveWith, type Served } from "./client.ts";
import { readEvents } from "./event-reader.ts";

let world: World;
let served: Served;
let token: string;
const sockets = new Set<Socket>();

const begin = async (connections: number): Promise<void> => {
  served = await serveWith({ connections }, world);
  token = await served.token("operator", "operator");
};
beforeEach(async () => {
  world = await createWorld();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await closeServer(served.server, 1_000);
});

/** A connection that the server has accepted. */
const dial = async (host = "127.0.0.1"): Promise<Socket> => {
  const accepted = once(served.server.server, "connection");
  const socket = connect(Number(new URL(served.url).port), host);
  socket.on("error", () => undefined);
  sockets.add(socket);
  await accepted;
  return socket;
};
const ask = async (socket: Socket, path: string, { method = "GET", body = "" } = {}): Promise<string> => {
  const head = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
  const answer = text(socket);
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  return answer;
};
const ownConnections = (): Promise<number> =>
  new Promise((resolve, reject) => {
    served.server.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });

describe("open connections", () => {
  test("are bounded, streams included: who is too many is told so, and served once there is room", async () => {
    await begin(2);
    const stream = await readEvents(served.url, token);
    const silent = await dial();
    const refused = await ask(await dial(), "/v1/threads");
    expect(refused).toMatch(/^HTTP\/1\.1 503 [^]*application\/problem\+json[^]*"code":"overloaded"/);
    expect(refused).toMatch(/\r\nretry-after: 2\r\n/);
    expect(refused).toMatch(/\r\nconnection: close\r\n/);
    expect(await ask(await dial(), "/health")).toMatch(/^HTTP\/1\.1 200 /);
    silent.destroy();
    await expect.poll(ownConnections).toBe(1);
    expect((await served.rest(token, "GET", "/v1/threads")).status).toBe(200);
    stream.close();
    expect(served.failures).toEqual([]);
  });

  test("end with the whole answer, however much the refused request sends", async () => {
    await begin(1);
    await dial();
    const body = JSON.stringify({ title: "t".repeat(200_000) });
    const refused = await ask(await dial(), "/v1/threads", { method: "POST", body });
    expect(refused).toMatch(/^HTTP\/1\.1 503 [^]*"code":"overloaded"[^]*\}$/);
  });

  test("make room where they only wait for their next request", async () => {
    await begin(1);
    expect((await served.rest(token, "GET", "/v1/threads")).status).toBe(200);
    // That one is kept alive by its client, and idle.
    const socket = await dial();
    socket.write(`GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 [^]*\r\nconnection: keep-alive\r\n/i);
  });

  test("are not held by who is too many and asks nothing", async () => {
    await begin(1);
    await dial();
    await once(await dial(), "close");
    expect(await ownConnections()).toBe(1);
  });

  test("beyond those that can be told are reset", async () => {
    await begin(1);
    for (let count = 0; count < 65; count += 1) await dial();
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNRESET");
  });

  test("count wherever they arrive: localhost is several addresses", async () => {
    const addressesOf = () => Promise.resolve(["127.0.0.1", "127.0.0.2"]);
    served = await serveAt({ bind: "localhost", addressesOf }, { connections: 1 }, world);
    token = await served.token("operator", "operator");
    await dial("127.0.0.2");
    const refused = await ask(await dial("127.0.0.2"), "/v1/threads");
    expect(refused).toMatch(/^HTTP\/1\.1 503 [^]*"code":"overloaded"/);
    const late = await dial("127.0.0.2");
    const isCut = once(late, "close");
    await closeServer(served.server, 100);
    await isCut;
    const tooLate = connect(Number(new URL(served.url).port), "127.0.0.2");
    const [error] = (await once(tooLate, "error")) as [NodeJS.ErrnoException];
    expect(error.code).toBe("ECONNREFUSED");
  });
});
