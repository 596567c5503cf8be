/** Settings of our MCP server, however Codex reaches it. */
export const ourServer = {
  // An agent that was woken has nobody to ask.
  default_tools_approval_mode: "approve",
  startup_timeout_sec: 10,
  /** Longest an answer of ours may take: a read that waits for messages is bounded below that. */
  tool_timeout_sec: 120,
} as const;
