import { promptPatterns } from "../../adapters/terminals/scripted/prompt-program.ts";

/** Who takes part in every run, and in which threads. */

export interface Part {
  agentId: string;
  /** How its terminal comes to be. */
  terminal: "launched" | "adopted" | "attached" | "none";
  definition: object;
}

const patterns = { ...promptPatterns, prompt: "^› ?(.*)$" };
const common = { command: ["agent"], cwd: "/", patterns };
const session = { args: ["--session", "{session}"] };
const resume = { args: ["--resume", "{session}"] };

export const adoptedPane = "%3";

export const cast: readonly Part[] = [
  { agentId: "ann", terminal: "launched", definition: { ...common, session, resume } },
  { agentId: "bob", terminal: "launched", definition: { ...common, prompt: { as: "typed" } } },
  { agentId: "cy", terminal: "adopted", definition: common },
  { agentId: "dee", terminal: "none", definition: { ...common, session, resume } },
  { agentId: "eve", terminal: "attached", definition: { ...common, resume } },
];

export const threads: Readonly<Record<string, readonly string[]>> = {
  "t-1": ["ann", "bob", "cy"],
  "t-2": ["ann", "dee", "eve"],
};
