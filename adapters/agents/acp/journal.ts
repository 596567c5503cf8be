/** What a host notes of each wake that it hands to its agent: durable before the prompt leaves, and once it is answered. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from "node:fs";
import { z } from "zod";
import { parseJson } from "../parse-json.ts";

const entry = z.object({
  wakeId: z.string(),
  /** `sent`: leaves for the agent. `started`: its first sign. `ended`: its answer. */
  event: z.enum(["sent", "started", "ended"]),
  /** Epoch ms. */
  at: z.number(),
  /** Of an end: why the turn stopped, or how it failed. */
  how: z.string().optional(),
});
export type JournalEntry = z.infer<typeof entry>;

/** Then it is put aside, and the one before it is gone. */
const mostBytes = 1_048_576;

/** Throws when it cannot be made durable. */
export function noteWake(path: string, noted: JournalEntry): void {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > mostBytes) renameSync(path, `${path}.1`);
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, `${JSON.stringify(noted)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Oldest first; empty when there is none. A line that a crash cut off is passed over. */
export function readWakes(path: string): JournalEntry[] {
  return [`${path}.1`, path].flatMap(linesOf).flatMap((line) => entry.safeParse(parseJson(line)).data ?? []);
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, "utf8").split("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
