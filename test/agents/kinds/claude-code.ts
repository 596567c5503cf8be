import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Casting, PlayedKind } from "./kind.ts";

export const claudeCode: PlayedKind = {
  name: "claude-code",
  async define(casting) {
    const { program, cwd, home, asks } = casting;
    const env = environmentOf(casting);
    // Left to itself this version decides alone what needs permission.
    const definition = { command: [program], cwd, env, permissionMode: "manual" };
    if (!asks.trust) return definition;
    // A person's own folder of settings: nothing is answered there for them.
    const configFolder = join(home, ".claude");
    await mkdir(configFolder);
    const answered = { hasCompletedOnboarding: true, theme: "dark", hasSeenAutoDefaultNotice: true };
    const settings = JSON.stringify({ ...answered, hasSeenAutoDefaultNudge: true });
    await writeFile(join(configFolder, ".claude.json"), settings);
    return { ...definition, configFolder };
  },
  gatedCall: (command) => ({ call: "Bash", with: { command, description: "Runs it" } }),
  permission: { shown: /Do you want to proceed/, yes: [{ keys: "1" }] },
  // "No, exit" stands first.
  trust: {
    shown: /I trust this folder/,
    yes: [{ keys: "\u001b[B", shows: /❯ Yes/ }, { keys: "\r" }],
  },
};

function environmentOf({ agentId, home, modelUrl }: Casting): Record<string, string> {
  return {
    HOME: home,
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_AUTH_TOKEN: agentId,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_TELEMETRY: "1",
    CLAUDE_CODE_MAX_RETRIES: "0",
  };
}
