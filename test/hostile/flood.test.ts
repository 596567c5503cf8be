import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { HttpLimits } from "../../api/http/limits.ts";
import type { Role } from "../../machines/roles.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import type { HttpAnswer } from "./http-client.ts";
import { seed } from "./seed.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";

describe("floods", () => {
  let database: TestDatabase;
  let stage: HostileStage;
  let isOpen = false;
  const sockets: Socket[] = [];
  const openWith = async (limits: Partial<HttpLimits>): Promise<void> => {
    await close();
    database = await createTestDatabase();
    stage = await openStage(database.url, limits);
    isOpen = true;
    await issueAll(stage.a);
    await seed(stage.a, "a");
  };
  const close = async (): Promise<void> => {
    if (isOpen) await stage.close();
    if (isOpen) await database.drop();
    isOpen = false;
  };
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await close();
  });

  const post = async (body: string) => {
    const headers = {
      authorization: `Bearer ${await stage.a.token("participant")}`,
      "content-type": "application/json",
    };
    return stage.client.send({
      method: "POST",
      path: "/v1/threads/th-a/messages",
      headers,
      body: JSON.stringify({ body }),
    });
  };

  test(
    "500 posts at once into one thread are all taken, each once and in one order",
    { timeout: 90_000 },
    async () => {
      await openWith({});
      const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => post(`burst ${index}`)));
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.map(({ text }) => text)).toEqual([]);
      const seqs = answers.map(({ text }) => (JSON.parse(text) as { seq: number }).seq);
      // Two came before them.
      expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, index) => index + 3));
      expect(stage.failures).toEqual([]);
    },
  );

  /** One agent calls `allowed` times and twice as often again: what is wrong with the answers. */
  async function wrongInFlood(allowed: number): Promise<string[]> {
    const answers = await Promise.all(
      Array.from({ length: 3 * allowed }, (_, index) => post(`flood ${index}`)),
    );
    const isTaken = ({ status }: HttpAnswer): boolean => status === 200;
    const isLimited = ({ status, text, headers }: HttpAnswer): boolean =>
      status === 429 && text.includes('"rate_limited"') && Number(headers["retry-after"]) > 0;
    const taken = answers.filter(isTaken).length;
    const limited = answers.filter(isLimited).length;
    const others = answers.filter((answer) => !isTaken(answer) && !isLimited(answer));
    const other = await get("operator");
    return [
      ...(taken === allowed ? [] : [`${taken} of ${allowed} were taken`]),
      ...(limited === 2 * allowed ? [] : [`${limited} of ${2 * allowed} were told to wait`]),
      ...others.map(({ status, text }) => `answered ${status}: ${text}`),
      ...(other.status === 200 ? [] : [`another agent got ${other.status}`]),
    ];
  }
  const get = async (role: Role) =>
    stage.client.send({
      ...{ method: "GET", path: "/v1/threads" },
      headers: { authorization: `Bearer ${await stage.a.token(role)}` },
    });

  test("a flood of one agent is told to wait from the first call over its limit, and nobody else is", async () => {
    await openWith({ callsPerAgent: 30, callWindowMs: 600_000 });
    expect(await wrongInFlood(30)).toEqual([]);
  });

  test("a limiter that never limits is found, and so is one that lets one call more pass", async () => {
    await openWith({ callsPerAgent: 1_000_000, callWindowMs: 600_000 });
    expect(await wrongInFlood(30)).toEqual(["90 of 30 were taken", "0 of 60 were told to wait"]);
    await openWith({ callsPerAgent: 31, callWindowMs: 600_000 });
    expect(await wrongInFlood(30)).toEqual(["31 of 30 were taken", "59 of 60 were told to wait"]);
  });

  const open = (begin: string): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(stage.url).port), "127.0.0.1");
      sockets.push(socket);
      socket.once("error", reject);
      socket.once("connect", () => socket.write(begin, () => resolve(socket)));
    });
  const ended = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      socket.removeAllListeners("error").on("error", () => {});
      socket.on("data", (part: Buffer) => (text += String(part)));
      socket.once("close", () => resolve(text));
    });

  test(
    "300 senders that never finish are answered 408 and let go, while others are served",
    { timeout: 60_000 },
    async () => {
      await openWith({ requestTimeoutMs: 1_500 });
      const token = await stage.a.token("participant");
      const head = `POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
      const slowHeaders = Array.from({ length: 150 }, () => open(head));
      const slowBodies = Array.from({ length: 150 }, () =>
        open(`${head}Content-Type: application/json\r\nContent-Length: 400000\r\n\r\n{"title":"`),
      );
      const all = await Promise.all([...slowHeaders, ...slowBodies]);
      const answers = all.map(ended);
      const meanwhile = await Promise.all(
        Array.from({ length: 20 }, (_, index) => post(`meanwhile ${index}`)),
      );
      expect(meanwhile.map(({ status }) => status)).toEqual(meanwhile.map(() => 200));
      const texts = await Promise.all(answers);
      expect(texts.filter((text) => !/^HTTP\/1.1 408 [^]*"code":"request_timeout"/.test(text))).toEqual([]);
      expect((await post("after")).status).toBe(200);
    },
  );

  test("requests of 400 KB each, many at once, leave no memory behind", { timeout: 90_000 }, async () => {
    await openWith({});
    const body = "x".repeat(400_000);
    const round = async () => {
      const answers = await Promise.all(Array.from({ length: 40 }, () => post(body)));
      expect(answers.every(({ text }) => text.includes('"body_too_large"'))).toBe(true);
    };
    await round();
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 5; count += 1) await round();
    // 80 MB went in, and each body is 0.4 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(160_000_000);
    expect((await post("after")).status).toBe(200);
  });
});
