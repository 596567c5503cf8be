import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Casting, PlayedKind } from "./kind.ts";

export const codex: PlayedKind = {
  name: "codex",
  async register(casting) {
    const codexHome = join(casting.home, ".codex");
    await mkdir(codexHome, { recursive: true });
    await writeFile(join(codexHome, "config.toml"), configOf(casting));
    const env = { HOME: casting.home, CODEX_HOME: codexHome, MODEL_KEY: casting.agentId };
    const definition = {
      ...{ command: [casting.program, "--no-daemon"], cwd: casting.cwd, env, patterns, enterDelayMs: 120 },
      resume: { args: ["resume", "{session}"] },
    };
    return { kind: "generic", definition };
  },
  gatedCall: (command) => ({ call: "shell_command", with: { command } }),
  permissionDialog: /Would you like to run the following command/,
  trustDialog: /Trust this folder|Do you trust/,
  yes: { permission: "y", trust: "\r" },
  resumes: { no: "its kind is not built in: nobody reports the session" },
};

function configOf({ modelUrl, mcpUrl, cwd, asks }: Casting): string {
  const trust = asks.trust ? [] : [`[projects.${JSON.stringify(cwd)}]`, `trust_level = "trusted"`];
  return [
    `model = "gpt-5"`,
    `model_provider = "scripted"`,
    `approval_policy = "${asks.permission ? "untrusted" : "never"}"`,
    `sandbox_mode = "danger-full-access"`,
    `check_for_update_on_startup = false`,
    `[features]`,
    `daemon_auto_start = false`,
    `[model_providers.scripted]`,
    `name = "scripted"`,
    `base_url = "${modelUrl}/v1"`,
    `wire_api = "responses"`,
    `env_key = "MODEL_KEY"`,
    `request_max_retries = 0`,
    `stream_max_retries = 0`,
    `[mcp_servers.rouse]`,
    `url = "${mcpUrl}"`,
    `bearer_token_env_var = "ROUSE_TOKEN"`,
    `startup_timeout_sec = 20`,
    `default_tools_approval_mode = "approve"`,
    ...trust,
    "",
  ].join("\n");
}

const patterns = {
  prompt: "^› ?(.*)$",
  busy: "esc to interrupt",
  limited: "hit your usage limit",
  dialogs: [
    { kind: "trust", pattern: "Trust this folder|Do you trust" },
    { kind: "permission", pattern: "Would you like to run the following command" },
    { kind: "permission", pattern: "Allow the .* MCP server to run tool" },
    { kind: "trust", pattern: "Hooks need review" },
  ],
};
