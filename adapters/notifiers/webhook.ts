import { request as requestHttp, type IncomingMessage, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP } from "node:net";
import type { Notification } from "../../machines/notifier/contract.ts";
import { postWebhook } from "../../machines/notifier/ports.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import type { Clock } from "../../runtime/clock.ts";
import { isPublicAddress, lookupPublic, notPublic } from "./public-address.ts";
import { signatureOf } from "./signature.ts";
import { bodyOf, titleOf, wordsOf } from "./text.ts";

export interface WebhookSettings {
  /** https, or http where private addresses are allowed. Its path may be a secret: it stands in no error. */
  url: string;
  /** See `signatureOf`. */
  secret: string;
  /** Loopback and private networks may be reached. */
  allowPrivate: boolean;
}

export interface WebhookOptions extends WebhookSettings {
  workspaceId: string;
  /** Whether what others wrote may leave the node. */
  withDetails: boolean;
  clock: Clock;
}

export function postWebhookPort(options: WebhookOptions): AnyPortImplementation {
  return implementPort(postWebhook, async ({ input: { notification }, signal }) => {
    const body = JSON.stringify(bodyFor(notification, options));
    const id = `${options.workspaceId}.${notification.notificationId}`;
    const timestamp = Math.floor(options.clock.now() / 1_000);
    const headers = {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "rouse",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatureOf(options.secret, { id, timestamp, body }),
    };
    const status = await post(options, { headers, signal }, body);
    if (status >= 200 && status < 300) return { status };
    throw refusal(status);
  });
}

/** A later version may add fields; `schema_version` changes when one means something else. */
function bodyFor(notification: Notification, options: WebhookOptions): object {
  const { notificationId, at, count, reasons, notices } = notification;
  return {
    type: "rouse.notification",
    schema_version: 1,
    notification_id: notificationId,
    workspace: options.workspaceId,
    at: new Date(at).toISOString(),
    count,
    reasons,
    text: `${titleOf(notification)}\n${bodyOf(notification, options)}`,
    notices: notices.map((notice) => {
      const { meaning, next, detail } = wordsOf(notice, options);
      return {
        notice_id: notice.noticeId,
        reason: notice.reason,
        meaning,
        thread_id: notice.threadId,
        agent_id: notice.agentId,
        actor: notice.actor,
        at: new Date(notice.at).toISOString(),
        next,
        ...(detail === null ? {} : { detail }),
      };
    }),
  };
}

/** Redirects are not followed and the answer's body is not read. */
function post(
  { url, allowPrivate }: WebhookOptions,
  given: Pick<RequestOptions, "headers" | "signal">,
  body: string,
): Promise<number> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[(?<inner>.*)\]$/u, "$<inner>");
  // An address by itself is not looked up.
  if (!allowPrivate && isIP(host) !== 0 && !isPublicAddress(host)) return Promise.reject(notPublic(host));
  const options: RequestOptions = {
    ...given,
    method: "POST",
    agent: false,
    ...(allowPrivate ? {} : { lookup: lookupPublic }),
  };
  const request = target.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const sent = request(target, options, (answer: IncomingMessage) => {
      answer.destroy();
      resolve(answer.statusCode ?? 0);
    });
    sent.once("error", (error) => reject(isRouseError(error) ? error : unreachable(host, error)));
    // Who turns to another protocol gives neither an answer nor an error.
    sent.once("close", () => reject(new RouseError("port_failed", `the webhook at ${host} gave no answer`)));
    sent.end(body);
  });
}

function unreachable(host: string, cause: Error & { code?: unknown }): RouseError {
  const why = typeof cause.code === "string" ? cause.code : cause.name;
  return new RouseError("port_failed", `the webhook at ${host} cannot be reached (${why})`, { cause });
}

/** Worth another try later. */
const passing = [408, 425, 429];

function refusal(status: number): RouseError {
  const isPassing = passing.includes(status) || status >= 500;
  const what = status >= 300 && status < 400 ? "a redirect, which is not followed" : "no success";
  return new RouseError(
    isPassing ? "port_failed" : "port_refused",
    `the webhook answered ${status}: ${what}`,
    { details: { status } },
  );
}
