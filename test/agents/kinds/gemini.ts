import type { PlayedKind } from "./kind.ts";

export const gemini: PlayedKind = {
  name: "gemini",
  define: async ({ agentId, program, cwd, home, modelUrl }) => ({
    ...{ command: [program], cwd },
    env: { HOME: home, GEMINI_API_KEY: agentId, GOOGLE_GEMINI_BASE_URL: modelUrl },
    // Left to itself it asks another model which one to ask.
    model: "gemini-2.5-flash",
    settings: {
      general: { maxAttempts: 1 },
      privacy: { usageStatisticsEnabled: false },
    },
  }),
  gatedCall: (command) => ({ call: "run_shell_command", with: { command, description: "Runs it" } }),
  permission: { shown: /Allow execution of/, yes: [{ keys: "1" }] },
  trust: null,
};
