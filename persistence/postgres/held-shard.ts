import type { Address } from "../../machines/mail.ts";
import { shardCount, shardOf } from "../../runtime/shard.ts";

/** Where the mail of a quarantined actor waits, out of the way of claims; migration 0003 says when it gets there. */
export function heldShardOf(address: Address): number {
  return shardOf(address) + shardCount;
}
