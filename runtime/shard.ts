import type { Address } from "../machines/mail.ts";

/** Mailboxes are spread over this many key ranges. Changing it needs an empty mailbox. */
export const shardCount = 64;

/** FNV-1a over UTF-16 units. Stored with rows: it must stay the same for ever. */
export function shardOf(address: Address): number {
  let hash = 2166136261;
  for (let index = 0; index < address.length; index += 1) {
    hash ^= address.charCodeAt(index);
    hash = Math.imul(hash, 16777619);
  }
  return (hash >>> 0) % shardCount;
}
