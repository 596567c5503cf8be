import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Casting, PlayedKind } from "./kind.ts";

/** Programs that speak the Agent Client Protocol, all run by kind `acp`. */
const common = {
  kind: "acp",
  hasChannel: true,
  permission: {
    shown: /The agent asks for your permission/,
    yes: [{ keys: "1", shows: /→ 1\./ }, { keys: "\r" }],
  },
  trust: null,
} as const;

export const claudeAgentAcp: PlayedKind = {
  ...common,
  name: "claude-agent-acp",
  define: async ({ agentId, program, cwd, home, modelUrl }) => ({
    ...{ command: [program], cwd },
    env: {
      HOME: home,
      CLAUDE_CONFIG_DIR: join(home, ".claude"),
      ANTHROPIC_BASE_URL: modelUrl,
      ANTHROPIC_AUTH_TOKEN: agentId,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_TELEMETRY: "1",
      CLAUDE_CODE_MAX_RETRIES: "0",
    },
  }),
  gatedCall: (command) => ({ call: "Bash", with: { command, description: "Runs it" } }),
};

export const codexAcp: PlayedKind = {
  ...common,
  name: "codex-acp",
  async define({ agentId, program, cwd, home, modelUrl }) {
    const codexHome = join(home, ".codex");
    await mkdir(codexHome);
    const provider = `name = "scripted"\nbase_url = "${modelUrl}/v1"\nwire_api = "responses"\nenv_key = "MODEL_KEY"`;
    const patience = "request_max_retries = 0\nstream_max_retries = 0";
    await writeFile(
      join(codexHome, "config.toml"),
      `model = "gpt-5"\nmodel_provider = "scripted"\n[model_providers.scripted]\n${provider}\n${patience}\n`,
    );
    return { command: [program], cwd, env: { HOME: home, CODEX_HOME: codexHome, MODEL_KEY: agentId } };
  },
  gatedCall: (cmd) => ({
    call: "exec_command",
    with: { cmd, sandbox_permissions: "require_escalated", justification: "The story wants it." },
  }),
};

export const geminiAcp: PlayedKind = {
  ...common,
  name: "gemini-acp",
  async define(casting) {
    const { agentId, program, cwd, home, modelUrl } = casting;
    await bringSettings(casting);
    return {
      // Named, so that no other model is asked which one to take.
      command: [program, "--acp", "--model", "gemini-2.5-pro", "--skip-trust"],
      ...{ cwd, authMethod: "gemini-api-key" },
      env: { HOME: home, GEMINI_API_KEY: agentId, GOOGLE_GEMINI_BASE_URL: modelUrl },
    };
  },
  gatedCall: (command) => ({ call: "run_shell_command", with: { command, description: "Runs it" } }),
};

async function bringSettings({ home }: Casting): Promise<void> {
  const folder = join(home, ".gemini");
  await mkdir(folder);
  const general = { disableAutoUpdate: true, maxAttempts: 1 };
  const security = { auth: { selectedType: "gemini-api-key" } };
  const privacy = { usageStatisticsEnabled: false };
  await writeFile(join(folder, "settings.json"), JSON.stringify({ general, security, privacy }));
}
