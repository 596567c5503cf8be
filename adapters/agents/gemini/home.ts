/**
 * Each agent has a home of its own for Gemini CLI, which is the agent's folder itself: there is no other place for settings
 * that is ours alone. Those of the system count only when all folders above them are root's.
 */
import { homedir } from "node:os";
import { join } from "node:path";

export function geminiFolder(home: string): string {
  return join(home, ".gemini");
}

/** Where the person's own Gemini CLI keeps its things. */
export function userGeminiFolder({ GEMINI_CLI_HOME, HOME }: Readonly<Record<string, string>>): string {
  return geminiFolder(GEMINI_CLI_HOME ?? process.env["GEMINI_CLI_HOME"] ?? HOME ?? homedir());
}
