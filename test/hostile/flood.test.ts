import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { seed } from "./seed.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";

describe("floods", () => {
  let database: TestDatabase;
  let stage: HostileStage;
  const sockets: Socket[] = [];
  beforeEach(async () => {
    database = await createTestDatabase();
    stage = await openStage(database.url, { requestTimeoutMs: 1_500 });
    await issueAll(stage.a);
    await seed(stage.a, "a");
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await stage.close();
    await database.drop();
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
      const answers = await Promise.all(Array.from({ length: 500 }, (_, index) => post(`burst ${index}`)));
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.map(({ text }) => text)).toEqual([]);
      const seqs = answers.map(({ text }) => (JSON.parse(text) as { seq: number }).seq);
      // Two came before them.
      expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, index) => index + 3));
      expect(stage.failures).toEqual([]);
    },
  );

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
