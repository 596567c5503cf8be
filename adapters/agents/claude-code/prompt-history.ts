import { join } from "node:path";
import { z } from "zod";
import { readLastRecords } from "../records.ts";
import { orWhenMissing } from "../when-missing.ts";

const prompt = z.object({ display: z.string(), timestamp: z.number() });

/** Epoch ms at which the program took `text` as a prompt, not before `since`; it notes each one at once. */
export async function findPrompt(configFolder: string, text: string, since: number): Promise<number | null> {
  const path = join(configFolder, "history.jsonl");
  const prompts = await readLastRecords(path, prompt).catch(orWhenMissing([]));
  return prompts.find(({ display, timestamp }) => display === text && timestamp >= since)?.timestamp ?? null;
}
