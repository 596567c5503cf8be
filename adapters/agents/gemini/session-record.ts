/** Gemini CLI's own record of a session: one file of JSON lines, below the folder of the project that it belongs to. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { readLastRecords } from "../records.ts";
import { orWhenMissing } from "../when-missing.ts";
import { geminiFolder } from "./home.ts";

/** A rate limit that names no reset is taken to last this long. */
const namelessLimitMs = 5 * 60_000;
const headBytes = 4_096;

/** Folders in which it keeps what belongs to one project each. */
function projectFolders(home: string): string[] {
  const folder = join(geminiFolder(home), "tmp");
  return namesIn(folder).map((name) => join(folder, name));
}

/** Path of the session's record, or null while it has none. */
export function findRecord(home: string, sessionId: string): string | null {
  const ending = `-${sessionId.slice(0, 8)}.jsonl`;
  const paths = projectFolders(home).flatMap((folder) => {
    const names = namesIn(join(folder, "chats")).filter((name) => name.endsWith(ending));
    return names.map((name) => join(folder, "chats", name));
  });
  return paths.find((path) => headOf(path).includes(JSON.stringify(sessionId))) ?? null;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // Before its first start there is none.
    return [];
  }
}

/** The line that begins it. */
function headOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.alloc(headBytes);
    return buffer.toString("utf8", 0, readSync(file, buffer)).split("\n", 1)[0] ?? "";
  } finally {
    closeSync(file);
  }
}

const entry = z.object({ type: z.string(), timestamp: z.string(), content: z.unknown() });

export type TurnFailure = { kind: "rateLimited"; until: number } | { kind: "notSignedIn" };

/** Why the session's last turn came to nothing; null when it did not. */
export async function findTurnFailure(path: string): Promise<TurnFailure | null> {
  for (const { type, timestamp, content } of await readLastRecords(path, entry)) {
    if (type === "user" || type === "gemini") return null;
    if (type === "error" && typeof content === "string") return failureOf(content, timestamp);
  }
  return null;
}

function failureOf(text: string, timestamp: string): TurnFailure | null {
  if (/\bquota\b|rate limit|RESOURCE_EXHAUSTED|"code":429/i.test(text))
    return { kind: "rateLimited", until: Date.parse(timestamp) + namelessLimitMs };
  return /API_KEY_INVALID|UNAUTHENTICATED|"code":401/.test(text) ? { kind: "notSignedIn" } : null;
}

const prompts = z.array(z.object({ type: z.string(), message: z.string(), timestamp: z.string() }));

/** Epoch ms at which the program took `text` as a prompt, not before `since`; it notes each one at once, by project. */
export async function findPrompt(home: string, text: string, since: number): Promise<number | null> {
  for (const folder of projectFolders(home)) {
    const list = await readFile(join(folder, "logs.json"), "utf8").catch(orWhenMissing("[]"));
    const times = prompts.parse(JSON.parse(list)).flatMap(({ type, message, timestamp }) => {
      return type === "user" && message === text ? [Date.parse(timestamp)] : [];
    });
    const takenAt = times.find((at) => at >= since);
    if (takenAt !== undefined) return takenAt;
  }
  return null;
}
