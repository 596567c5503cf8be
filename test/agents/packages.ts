/** The real programs that are played with: pinned, because screens and channels change from version to version. */
export interface AgentPackage {
  /** On npm. */
  name: string;
  version: string;
  /** Its command. */
  command: string;
  /** It has no `--version`: asked for `--help`, and its version is the package's. */
  isMute?: true;
}

export const agentPackages = {
  codex: { name: "@openai/codex", version: "0.169.0", command: "codex" },
  "claude-code": { name: "@anthropic-ai/claude-code", version: "2.1.328", command: "claude" },
  opencode: { name: "opencode-ai", version: "1.18.33", command: "opencode" },
  gemini: { name: "@google/gemini-cli", version: "0.61.0", command: "gemini" },
  "gemini-acp": { name: "@google/gemini-cli", version: "0.61.0", command: "gemini" },
  "codex-acp": { name: "@zed-industries/codex-acp", version: "0.16.0", command: "codex-acp", isMute: true },
  "claude-agent-acp": {
    name: "@agentclientprotocol/claude-agent-acp",
    version: "0.100.0",
    command: "claude-agent-acp",
  },
} as const satisfies Record<string, AgentPackage>;

export type AgentPackageName = keyof typeof agentPackages;
