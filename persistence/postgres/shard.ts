import type { Address } from "../../machines/mail.ts";

/** Mailboxes are spread over this many key ranges. Changing it needs an empty mailbox. */
export const shardCount = 64;

/** Where the mail of a quarantined actor waits, out of the way of claims; migration 0003 says when it gets there. */
export function heldShardOf(address: Address): number {
  return shardOf(address) + shardCount;
}

/** FNV-1a over UTF-16 units. Stored with rows: it must stay the same for ever. */
export function shardOf(address: Address): number {
  let hash = 2166136261;
  for (let index = 0; index < address.length; index += 1) {
    hash ^= address.charCodeAt(index);
    hash = Math.imul(hash, 16777619);
  }
  return (hash >>> 0) % shardCount;
}
