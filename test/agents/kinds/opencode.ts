import type { Casting, PlayedKind } from "./kind.ts";

export const opencode: PlayedKind = {
  name: "opencode",
  hasChannel: true,
  define: (casting) => Promise.resolve(definitionOf(casting)),
  gatedCall: (command) => ({ call: "bash", with: { command, description: "Runs it" } }),
  permission: { shown: /Permission required/, yes: [{ keys: "\r" }] },
  // It has no such question.
  trust: null,
};

function definitionOf({ agentId, program, cwd, home, modelUrl, asks }: Casting): object {
  const model = { name: "Scripted", limit: { context: 100_000, output: 10_000 } };
  return {
    ...{ command: [program], cwd, model: "scripted/scripted" },
    env: { HOME: home, OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_LSP_DOWNLOAD: "1" },
    config: {
      share: "disabled",
      provider: {
        scripted: {
          npm: "@ai-sdk/openai-compatible",
          name: "Scripted",
          options: { baseURL: `${modelUrl}/v1`, apiKey: agentId },
          models: { scripted: model },
        },
      },
      permission: asks.permission ? { bash: "ask", external_directory: "allow" } : "allow",
    },
  };
}
