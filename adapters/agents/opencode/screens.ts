import { type AgentPatterns, agentPatterns } from "../../terminals/patterns.ts";

/** Versions whose screens and server were recorded; `test/fixtures/screens/opencode` holds them, a folder each. */
export const recordedVersions = ["1.18.33"] as const;

/** On a wide screen a column of facts stands beside the box, far behind what is typed. */
const column = `${" ".repeat(60)} *`;

export const opencodeScreens: AgentPatterns = agentPatterns.parse({
  // Its shell mode has another one: there a line would be run as a command.
  frameLabel: "^ +┃  .+ · ",
  prompt: `^ +┃(?: +(?:Ask anything|Run a command)… ".*" *|(.*?)(?:${column}.*)?)$`,
  boxEnd: "^ +╹▀▀▀",
  busy: "^ +[■⬝]+ .*esc (?:again to )?interrupt",
  // A short pause is still work.
  limited: "^ +[■⬝]+ .*\\[retrying in [0-9dhm ]*[dhm] .*esc (?:again to )?interrupt",
  dialogs: [
    // In the box's place: what looks like one above a box is a quotation.
    ...[
      "^ +┃  △ (?:Permission required|Always allow|Reject permission)",
      "^ +┃  ↑↓ select .*esc dismiss",
    ].map((shown) => ({ kind: "permission", pattern: shown, replacesBox: true })),
    { kind: "login", pattern: "^ +Connect a provider +esc" },
    // Whatever a person opened over the box takes the keys.
    { kind: "permission", pattern: "          +esc(?:$|          )" },
    { kind: "update", pattern: "^ +Update Available +esc" },
  ],
});
