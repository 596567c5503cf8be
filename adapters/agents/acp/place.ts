/** Where a host and our node find each other, in the agent's private folder. */
import { createHash } from "node:crypto";
import { join } from "node:path";

export function socketPathOf(folder: string, runtimeId: string): string {
  // A socket's path has room for some hundred bytes only.
  return join(folder, `${createHash("sha256").update(runtimeId).digest("hex").slice(0, 16)}.sock`);
}

export function journalPathOf(folder: string): string {
  return join(folder, "wakes.jsonl");
}
