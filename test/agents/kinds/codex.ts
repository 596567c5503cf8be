import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Casting, PlayedKind } from "./kind.ts";

export const codex: PlayedKind = {
  name: "codex",
  hasChannel: true,
  async define({ agentId, program, cwd, home, modelUrl, asks }) {
    if (asks.trust) await bringSettings(cwd);
    return {
      ...{ command: [program], cwd, env: { HOME: home, MODEL_KEY: agentId } },
      model: "gpt-5",
      ...limitsOf(asks),
      config: {
        model_provider: "scripted",
        "model_providers.scripted": {
          name: "scripted",
          base_url: `${modelUrl}/v1`,
          wire_api: "responses",
          env_key: "MODEL_KEY",
          request_max_retries: 0,
          stream_max_retries: 0,
        },
      },
    };
  },
  gatedCall: (cmd) => ({
    call: "exec_command",
    with: { cmd, sandbox_permissions: "require_escalated", justification: "The story wants it." },
  }),
  permission: { shown: /Would you like to run the following command/, yes: [{ keys: "y" }] },
  trust: null,
};

/** Only a folder with settings of its own, or a repository, has to be trusted. */
async function bringSettings(cwd: string): Promise<void> {
  await mkdir(join(cwd, ".codex"));
  await writeFile(join(cwd, ".codex/config.toml"), 'model = "another"\n');
}

function limitsOf(asks: Casting["asks"]): object {
  return asks.permission
    ? { approvals: "on-request", sandbox: "workspace-write" }
    : { approvals: "never", sandbox: "danger-full-access" };
}
