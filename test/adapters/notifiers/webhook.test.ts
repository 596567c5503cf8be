import { createHmac } from "node:crypto";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isPublicAddress } from "../../../adapters/notifiers/public-address.ts";
import { signatureOf } from "../../../adapters/notifiers/signature.ts";
import { postWebhookPort } from "../../../adapters/notifiers/webhook.ts";
import { ManualClock } from "../../manual-clock.ts";
import { notification, perform } from "./calls.ts";

const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;

interface Got {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

describe("a webhook", () => {
  let server: Server;
  let got: Got[];
  let answer: { status: number; headers?: Record<string, string> };
  let origin: string;

  beforeEach(async () => {
    got = [];
    answer = { status: 204 };
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        got.push({
          path: request.url ?? "",
          headers: request.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        });
        response.writeHead(answer.status, answer.headers).end("x".repeat(100_000));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const port = (more: Partial<Parameters<typeof postWebhookPort>[0]> = {}) =>
    postWebhookPort({
      url: `${origin}/hook/very-secret`,
      secret,
      allowPrivate: true,
      workspaceId: "w",
      withDetails: false,
      clock: new ManualClock(),
      ...more,
    });

  test("gets a message that a receiver verifies by its own means, with an id that stays", async () => {
    expect(await perform(port(), notification())).toEqual({ status: 204 });
    await perform(port(), notification());
    const [first, second] = got;
    const { headers, body } = first!;
    const signed = `${String(headers["webhook-id"])}.${String(headers["webhook-timestamp"])}.${body}`;
    const key = Buffer.from(secret.slice("whsec_".length), "base64");
    expect(headers["webhook-signature"]).toBe(
      `v1,${createHmac("sha256", key).update(signed).digest("base64")}`,
    );
    expect(headers["webhook-id"]).toBe("w.webhook.1.abc");
    expect(second!.headers["webhook-id"]).toBe(headers["webhook-id"]);
    expect(JSON.parse(body)).toMatchObject({
      type: "rouse.notification",
      workspace: "w",
      count: 1,
      reasons: { unanswered: 1 },
      text: expect.stringContaining("Next: rouse explain bob --thread th-1") as string,
      notices: [
        { notice_id: "participant/th-1.bob@7", thread_id: "th-1", next: "rouse explain bob --thread th-1" },
      ],
    });
  });

  test("tells what others wrote only where the settings allow it, and then on one line without controls", async () => {
    await perform(port(), notification());
    await perform(port({ withDetails: true }), notification());
    expect(got[0]!.body).not.toContain("others");
    const { notices } = JSON.parse(got[1]!.body) as { notices: { detail: string }[] };
    expect(notices[0]!.detail).toBe("written by [31mothers b co/b");
  });

  test.each([
    [500, true],
    [503, true],
    [429, true],
    [408, true],
    [400, false],
    [403, false],
    [404, false],
    [302, false],
  ])("that answers %i is asked again: %s", async (status, isRetried) => {
    answer = { status, headers: { location: `${origin}/elsewhere` } };
    await expect(perform(port(), notification())).rejects.toMatchObject({
      code: isRetried ? "port_failed" : "port_refused",
      retryable: isRetried,
    });
    expect(got.map(({ path }) => path)).toEqual(["/hook/very-secret"]);
  });

  test("that nobody serves fails without a word of its path", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const failed = perform(port(), notification());
    await expect(failed).rejects.toMatchObject({ code: "port_failed", retryable: true });
    await expect(failed).rejects.not.toThrow(/very-secret/);
  });

  test.each(["http://127.0.0.1", "http://2130706433", "http://[::ffff:127.0.0.1]", "http://localhost"])(
    "on a private address is refused unless that is allowed: %s",
    async (host) => {
      const url = `${host}:${new URL(origin).port}/`;
      await expect(perform(port({ url, allowPrivate: false }), notification())).rejects.toMatchObject({
        code: "port_refused",
        retryable: false,
        nextStep: expect.stringContaining("allowPrivate") as string,
      });
      expect(got).toEqual([]);
    },
  );
});

test("an answer that turns to another protocol is a failure, too", async () => {
  const turning = createServer().on("connection", (socket) => {
    socket.once("data", () => {
      socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n");
    });
  });
  await new Promise<void>((resolve) => turning.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(turning.address() as AddressInfo).port}/`;
  const options = { url, secret, allowPrivate: true, workspaceId: "w", withDetails: false };
  const port = postWebhookPort({ ...options, clock: new ManualClock() });
  await expect(perform(port, notification())).rejects.toMatchObject({ code: "port_failed" });
  turning.closeAllConnections();
  await new Promise((resolve) => turning.close(resolve));
});

test("only addresses of the public internet count as public", () => {
  const not = [
    ...["0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.0.1", "192.168.0.1"],
    ...["224.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:8.8.8.8", "64:ff9b::7f00:1"],
    ...[
      "fc00::1",
      "fe80::1",
      "ff02::1",
      "2002:7f00:1::",
      "3fff::1",
      "5f00::1",
      "192.88.99.1",
      "localhost",
      "",
    ],
  ];
  expect(not.filter(isPublicAddress)).toEqual([]);
  const are = ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111"];
  expect(are.filter(isPublicAddress)).toEqual(are);
});

test("signs as the example of Standard Webhooks does", () => {
  // From the specification's own reference libraries.
  const id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const body = '{"test": 2432232314}';
  const known = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  expect(signatureOf(known, { id, timestamp: 1_614_265_330, body })).toBe(
    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  );
});
