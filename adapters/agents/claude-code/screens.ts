import { type AgentPatterns, agentPatterns } from "../../terminals/patterns.ts";

/** Versions whose screens were recorded; `test/fixtures/screens/claude-code` holds them, a folder each. */
export const recordedVersions = ["2.1.328"] as const;

/**
 * Only what a dialog draws itself begins in the first column: a command that is quoted in it is indented, whatever it says,
 * and one that is too tall for the screen loses its rule.
 */
const numbered = {
  begin: "^───",
  end: "^ Esc to cancel",
  option: "^ (❯| ) ([1-9])\\. (.*)$",
  press: "key",
  clipped: "^ ↑ .* more line",
};
const unnumbered = { begin: "^───", option: "^  ?(❯| ) (\\S.*)$", press: "select" };
const confirmed = { ...unnumbered, end: "^ +Enter to confirm · Esc to cancel" };

/**
 * The sign of the input box is followed by a no-break space; a prompt in the history has a plain one. A dialog takes the
 * box's place, so what looks like one above a box is a quotation.
 */
export const claudeCodeScreens: AgentPatterns = agentPatterns.parse({
  prompt: "^❯(?:\u00a0(.*)| )$",
  boxEnd: "^───",
  // With a draft in the box the footer says nothing; the spinner's line ends in an ellipsis only while it turns.
  busy: "^(?:  (?:[⏸⏵].* · )?esc to interrupt(?: · .*)?|[·✢✳✶✻✽*] .*….*)$",
  limited: "^(?:  ⚠ Usage limit reached|[·✢✳✶✻✽*] 429 .* retrying in )",
  dialogs: [
    { kind: "login", pattern: "^ +Not logged in · run /login$" },
    ...[
      { kind: "trust", pattern: "^ Accessing workspace:$", prompt: confirmed },
      { kind: "trust", pattern: "^  .*ew MCP servers? found in this project", prompt: confirmed },
      { kind: "login", pattern: "^ Choose the text style that looks best" },
      { kind: "login", pattern: "^ Security notes:$" },
      { kind: "login", pattern: "^ +Select login method:$" },
      { kind: "login", pattern: "^  Detected a custom API key in your environment$" },
      {
        kind: "permission",
        pattern: "^  Make auto mode your default permission mode\\?$",
        prompt: unnumbered,
      },
      {
        kind: "permission",
        pattern: "^  WARNING: Claude Code running in Bypass Permissions mode$",
        prompt: confirmed,
      },
      { kind: "permission", pattern: "^ (?:Do you want to|Would you like to) .*\\?$", prompt: numbered },
      { kind: "permission", pattern: "^ ?(?:Enter to (?:select|confirm) · .*)?Esc to cancel(?: · .*)?$" },
    ].map((dialog) => ({ ...dialog, replacesBox: true })),
  ],
});
