import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Casting, PlayedKind } from "./kind.ts";

export const claudeCode: PlayedKind = {
  name: "claude-code",
  async register(casting) {
    const config = join(casting.home, ".claude");
    await mkdir(config, { recursive: true });
    const mcp = join(config, "mcp.json");
    await writeFile(mcp, JSON.stringify(mcpOf(casting)));
    await writeFile(join(config, ".claude.json"), JSON.stringify(answersOf(casting)));
    await writeFile(join(config, "settings.json"), JSON.stringify(settings));
    const command = [casting.program, "--mcp-config", mcp, "--strict-mcp-config"];
    const definition = {
      ...{ command, cwd: casting.cwd, env: environmentOf(casting, config), patterns, enterDelayMs: 100 },
      resume: { args: ["--resume", "{session}"] },
    };
    return { kind: "generic", definition };
  },
  gatedCall: (command) => ({ call: "Bash", with: { command, description: "Runs it" } }),
  permissionDialog: /Do you want to proceed/,
  trustDialog: /trust this folder|Do you trust/i,
  yes: { permission: "1", trust: "\r" },
  resumes: { no: "its kind is not built in: nobody reports the session" },
};

function environmentOf({ agentId, home, modelUrl }: Casting, config: string): Record<string, string> {
  return {
    HOME: home,
    CLAUDE_CONFIG_DIR: config,
    ANTHROPIC_BASE_URL: modelUrl,
    ANTHROPIC_AUTH_TOKEN: agentId,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    DISABLE_TELEMETRY: "1",
    CLAUDE_CODE_MAX_RETRIES: "0",
  };
}

function mcpOf({ mcpUrl }: Casting): object {
  const headers = { Authorization: "Bearer ${ROUSE_TOKEN}" };
  return { mcpServers: { rouse: { type: "http", alwaysLoad: true, url: mcpUrl, headers } } };
}

/** What a person would have answered at the first start. */
function answersOf({ cwd, asks }: Casting): object {
  return {
    ...{ hasCompletedOnboarding: true, theme: "dark" },
    ...{ hasSeenAutoDefaultNotice: true, hasSeenAutoDefaultNudge: true },
    projects: asks.trust ? {} : { [cwd]: { hasTrustDialogAccepted: true } },
  };
}

const settings = { permissions: { allow: ["mcp__rouse"], defaultMode: "default" } };

const patterns = {
  prompt: "^❯ ?(.*)$",
  boxEnd: "^─+",
  busy: "esc to interrupt",
  limited: "hit your .*limit|usage limit reached",
  dialogs: [
    { kind: "trust", pattern: "trust this folder|Do you trust" },
    { kind: "permission", pattern: "Do you want to proceed" },
    { kind: "update", pattern: "make auto mode your default" },
  ],
};
