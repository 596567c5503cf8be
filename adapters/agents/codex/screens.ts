import { type AgentPatterns, agentPatterns } from "../../terminals/patterns.ts";

/** Versions whose screens and files were recorded; `test/fixtures/screens/codex` holds them, a folder each. */
export const recordedVersions = ["0.169.0"] as const;

const numbered = {
  option: "^(›| ) ([1-9])\\. (.*)$",
  press: "key",
  clipped: "^  \\[… .* lines?\\] \\^a view all$",
};
const footer = "^ *(?:[Pp]ress )?enter (?:to )?(?:confirm|submit|continue|select)(?: or| \\|| ·) esc ";
const command = { ...numbered, begin: "^  Would you like to ", end: footer };
const tool = { ...command, begin: "^  Field [0-9]+/[0-9]+$", option: "^  (›| ) ([1-9])\\. (.*)$" };

/** A choice in a dialog looks like the input box, but for its number. */
export const codexScreens: AgentPatterns = agentPatterns.parse({
  prompt: "^›(?: ([^0-9].*|[0-9]+|[0-9]+[^0-9.].*)?)?$",
  boxEnd: "^  \\S.* · [/~]",
  // While it starts it drops an Enter; then its footer says nothing else yet. Without its app-server it takes nothing.
  busy: "^  \\? for shortcuts$|^[•◦] Reconnecting to server|^[•◦] .*\\((?:[0-9]+[hms] ?)+ • esc to interrupt\\)",
  limited: "^■ You’ve hit your usage limit\\.",
  dialogs: [
    {
      kind: "trust",
      pattern: "^ *Trust this folder\\?",
      prompt: { ...command, begin: "^  Folder access$" },
    },
    {
      kind: "trust",
      pattern: "^ *Hooks need review$",
      prompt: { ...command, begin: "^  Hooks need review$" },
    },
    { kind: "trust", pattern: "^ *t trust all · enter review · esc close$" },
    { kind: "login", pattern: "^> 1\\. Sign in with ChatGPT$" },
    { kind: "update", pattern: "Update available!" },
    { kind: "permission", pattern: "^  Would you like to .*\\?$", prompt: command },
    { kind: "permission", pattern: "^  Allow the .* MCP server to run tool ", prompt: tool },
    {
      kind: "permission",
      pattern: "^  Approaching rate limits$",
      prompt: { ...command, begin: "^  Approaching rate limits$" },
    },
    { kind: "permission", pattern: "^ *(?:[Pp]ress )?enter (?:to )?(?:confirm|submit)(?: or| \\|| ·) esc " },
  ].map((dialog) => ({ ...dialog, replacesBox: true })),
});
