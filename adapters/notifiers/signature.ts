import { createHmac } from "node:crypto";

/**
 * Signs as Standard Webhooks do (standardwebhooks.com), so that receivers verify with a library that exists: HMAC-SHA256
 * over `id.timestamp.body`. The secret is `whsec_` and 24 to 64 bytes in base64.
 */
export function signatureOf(
  secret: string,
  { id, timestamp, body }: { id: string; timestamp: number; body: string },
): string {
  const key = Buffer.from(secret.replace(/^whsec_/u, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}
