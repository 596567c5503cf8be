import { homedir } from "node:os";
import { join } from "node:path";
import type { CodexDefinition } from "./definition.ts";

/** Codex names sessions by UUIDs, and files by sessions. */
export const sessionPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** `folder`: the agent's own. */
export function codexHomeOf({ home, env }: CodexDefinition, folder: string): string {
  return home === "own" ? join(folder, "home") : userCodexHome(env);
}

/** Where the person is signed in. */
export function userCodexHome({ CODEX_HOME }: CodexDefinition["env"]): string {
  return CODEX_HOME ?? process.env["CODEX_HOME"] ?? join(homedir(), ".codex");
}

/** For commands of ours beside the launched program. */
export function codexEnvironment({ env }: CodexDefinition, codexHome: string): Record<string, string> {
  const { PATH = "", HOME = "/" } = process.env;
  return { PATH, HOME, ...env, CODEX_HOME: codexHome };
}

/** Where the app-server of one launch listens, in the agent's private folder. */
export function appServerSocket(folder: string, runtimeId: string): string {
  return join(folder, `${runtimeId}.sock`);
}
