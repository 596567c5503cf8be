import { homedir } from "node:os";
import type { Host, HostedProgram } from "../../../adapters/agents/host.ts";
import { agentKindOf, agentKinds } from "../../../adapters/agents/registry.ts";
import { RouseError } from "../../../runtime/errors.ts";

export function hostOf(environment: NodeJS.ProcessEnv): Host {
  return { environment, home: environment["HOME"] ?? homedir() };
}

/** Null for a kind whose programs are known by their definitions alone. Throws `invalid_input` for an unknown kind. */
export function hostedProgram(kind: string): HostedProgram | null {
  return agentKindOf(agentKinds, kind).hosted ?? null;
}

export function requireHostedProgram(kind: string): HostedProgram {
  const program = hostedProgram(kind);
  if (program !== null) return program;
  throw new RouseError("invalid_input", `agents of kind ${kind} have no settings that are known`, {
    nextStep:
      "Agents that Rouse launches need none. For sessions of your own add the server `rouse mcp` to the program's own settings, as docs/mcp.md shows.",
  });
}
