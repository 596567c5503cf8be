import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { GenericDefinition } from "../generic/definition.ts";
import type { ScriptedRole } from "./roles.ts";
import { scriptedPatterns } from "./screen.ts";
import { genericDefinition } from "../generic/definition.ts";

/** How to register the scripted agent as an agent of kind `generic`. */
export function genericDefinitionForScriptedAgent(agent: {
  role: ScriptedRole;
  /** Absolute folder to work in. */
  cwd: string;
  /** Remembers sessions, so that resume is real. One file per agent. */
  stateFile: string;
  /** Notes every pointer line it was given, one JSON object a line. */
  logFile?: string;
  thinkMs?: number;
  crashAt?: "read" | "posted";
  /** More arguments, for tests. */
  args?: readonly string[];
}): GenericDefinition {
  // The program stands beside this file, as .ts in the repository and as .js in the package.
  const program = fileURLToPath(new URL(`./program${extname(import.meta.url)}`, import.meta.url));
  const crash = agent.crashAt === undefined ? [] : ["--crash-at", agent.crashAt];
  const think = agent.thinkMs === undefined ? [] : ["--think-ms", String(agent.thinkMs)];
  return genericDefinition.parse({
    command: [process.execPath, program, "--role", agent.role, ...think, ...crash, ...(agent.args ?? [])],
    cwd: agent.cwd,
    env: {
      SCRIPTED_AGENT_STATE: agent.stateFile,
      ...(agent.logFile === undefined ? {} : { SCRIPTED_AGENT_LOG: agent.logFile }),
    },
    resume: { args: ["--resume", "{session}"] },
    prompt: { as: "argument", args: ["--prompt", "{prompt}"] },
    patterns: scriptedPatterns,
    enterDelayMs: 60,
  });
}
