import { type AgentPatterns, agentPatterns } from "../../terminals/patterns.ts";

/** Versions whose screens and files were recorded; `test/fixtures/screens/gemini` holds them, a folder each. */
export const recordedVersions = ["0.61.0"] as const;

/**
 * Without its background colour the input box stands one column in, where no prompt in the history does; a dialog takes
 * its place. The placeholder is as bright as a draft.
 */
export const geminiScreens: AgentPatterns = agentPatterns.parse({
  prompt: "^ [>*] (?:  (?:Type your message|Press 'Esc' for NORMAL|Press 'i' for INSERT).*|(.*))$",
  boxEnd: "^───",
  busy: "^ [⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] .*\\(esc to cancel",
  limited: "^│ (?:Usage limit reached for |We are currently experiencing high demand)",
  dialogs: [
    { kind: "trust", pattern: "^ ?│ Do you trust the files in this folder\\?" },
    { kind: "trust", pattern: "^ ?│ Do you want to accept and load these policies\\?" },
    { kind: "login", pattern: "^│ (?:\\? Get started|Enter Gemini API Key) " },
    { kind: "login", pattern: "^│ How would you like to authenticate for this project\\?" },
    { kind: "login", pattern: "^│ Further action is required to use this service" },
    { kind: "login", pattern: "^Enter the authorization code:" },
    { kind: "permission", pattern: "^│ (?:Allow execution of |Apply this change\\?|Do you want to )" },
    { kind: "permission", pattern: "^│ Enter to (?:select|submit) · " },
  ].map((dialog) => ({ ...dialog, replacesBox: true })),
});
