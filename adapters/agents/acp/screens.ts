import { type AgentPatterns, agentPatterns } from "../../terminals/patterns.ts";

/** What `HostScreen` draws. The host tells its state itself; this is for who only sees the terminal. */
export const acpScreens: AgentPatterns = agentPatterns.parse({
  prompt: "^› ?(.*)$",
  boxEnd: "^  acp · ",
  busy: "^• ",
  limited: "^■ ",
  dialogs: [
    { kind: "permission", pattern: "^\\? The agent asks for your permission$", replacesBox: true },
    { kind: "login", pattern: "^\\? The agent wants you to sign in$", replacesBox: true },
  ],
});
