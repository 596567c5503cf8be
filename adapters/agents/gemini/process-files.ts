/**
 * What hooks of ours note of each living Gemini CLI, which itself tells its state nowhere and locks no session: one file a
 * process, named by its id, of one line: what it did last, its session, and its start time.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { processStartedAt } from "../../terminals/process-table.ts";
import { outlastDying } from "../outlast-dying.ts";
import { orWhenMissing } from "../when-missing.ts";

const event = z.enum(["started", "busy", "idle"]);
type Event = z.infer<typeof event>;

export interface ProcessFile {
  pid: number;
  event: Event;
  sessionId: string;
  isAlive: boolean;
}

/** In the agent's folder. */
const scriptName = "hook.sh";

export function filesIn(home: string) {
  return { script: join(home, scriptName), processes: join(home, "processes") };
}

/**
 * Notes nothing of what was said. The shell that reads it is the program's child, and starts no other process; the start
 * time is field 22.
 */
export const script = `read -r stat < "/proc/$PPID/stat"
set -- "$1" \${stat##*) }
printf '%s %s %s\\n' "$1" "$GEMINI_SESSION_ID" "\${21}" > "$GEMINI_CLI_HOME/processes/$PPID"
`;

/** Variables in settings are replaced before a shell sees them: named like that, the folder would be read as shell. */
export function hookCommand(noted: Event): string {
  return `. "$(printenv GEMINI_CLI_HOME)/${scriptName}" ${noted}`;
}

export async function readProcessFiles(home: string): Promise<ProcessFile[]> {
  const { processes } = filesIn(home);
  const names = await readdir(processes).catch(orWhenMissing<string[]>([]));
  const found = await Promise.all(names.map((name) => readProcessFile(join(processes, name), Number(name))));
  return found.filter((file) => file !== null);
}

/** Null while it is being written. */
async function readProcessFile(path: string, pid: number): Promise<ProcessFile | null> {
  const text = await readFile(path, "utf8").catch(orWhenMissing(""));
  const [noted, sessionId, startedAt] = text.trim().split(" ");
  const known = event.safeParse(noted);
  if (!known.success || sessionId === undefined || startedAt === undefined) return null;
  return { pid, event: known.data, sessionId, isAlive: processStartedAt(pid) === startedAt };
}

/** Whether a living process has the session open, and keeps it. */
export function isSessionOpen(home: string, sessionId: string): Promise<boolean | null> {
  return outlastDying(async () => {
    const files = await readProcessFiles(home);
    return files.some((file) => file.isAlive && file.sessionId === sessionId);
  });
}
