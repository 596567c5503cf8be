/** What a session's transcript tells beside its state: why the last turn failed. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readLastRecords } from "../records.ts";
import { orWhenMissing } from "../when-missing.ts";

/** A rate limit that names no reset is taken to last this long. */
const namelessLimitMs = 5 * 60_000;

const record = z.object({
  type: z.string(),
  isSidechain: z.boolean().optional(),
  timestamp: z.string().optional(),
  error: z.string().optional(),
  isApiErrorMessage: z.boolean().optional(),
  quotaLimits: z.object({ resetsAt: z.number().optional() }).optional(),
});

export type TurnFailure = { kind: "rateLimited"; until: number } | { kind: "notSignedIn" };

/** Path of the session's transcript, or null while it has none. Its folder is named after the folder it works in. */
export async function findTranscript(configFolder: string, sessionId: string): Promise<string | null> {
  const projects = join(configFolder, "projects");
  for (const folder of await readdir(projects).catch(orWhenMissing<string[]>([]))) {
    const path = join(projects, folder, `${sessionId}.jsonl`);
    if ((await stat(path).catch(() => null))?.isFile() === true) return path;
  }
  return null;
}

/** Why the session's last turn came to nothing; null when it did not. */
export async function findTurnFailure(transcript: string): Promise<TurnFailure | null> {
  for (const entry of await readLastRecords(transcript, record)) {
    if (entry.isSidechain === true) continue;
    if (entry.type === "user") return null;
    if (entry.type === "assistant") return entry.isApiErrorMessage === true ? failureOf(entry) : null;
  }
  return null;
}

function failureOf({ error, timestamp, quotaLimits }: z.infer<typeof record>): TurnFailure | null {
  if (error === "authentication_failed") return { kind: "notSignedIn" };
  if (error !== "rate_limit") return null;
  const seconds = quotaLimits?.resetsAt;
  const until = seconds === undefined ? Date.parse(timestamp ?? "") + namelessLimitMs : seconds * 1_000;
  return { kind: "rateLimited", until };
}
