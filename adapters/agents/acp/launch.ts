import { accessSync, constants, statSync } from "node:fs";
import { resolve } from "node:path";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { siblingProgram } from "../../terminals/launch-spec.ts";
import { requireSocketPath } from "../../terminals/private-folder.ts";
import { agentEnvironment } from "../environment.ts";
import { findProgram } from "../find-program.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { AcpDefinition } from "./definition.ts";
import type { HostOptions } from "./host-options.ts";
import { journalPathOf, socketPathOf } from "./place.ts";

/** The terminal runs our host, which runs the agent. */
export function launchAcp(
  definition: AcpDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const { command, cwd, authMethod, mode, allow, env } = definition;
  const { purpose, sessionId, prompt } = plan;
  if (purpose === "resume" && sessionId === null)
    throw new RouseError("launch_failed", "there is no session to resume");
  const session = purpose === "resume" ? sessionId : null;
  const options: HostOptions = {
    ...{ command, cwd, authMethod, mode, allow, sessionId: session, prompt },
    socketPath: requireSocketPath(socketPathOf(identity.folder, identity.runtimeId)),
    journalPath: journalPathOf(identity.folder),
  };
  const host = siblingProgram("../agents/acp/host");
  return {
    argv: [process.execPath, "--no-warnings", host, JSON.stringify(options)],
    cwd,
    env: agentEnvironment(identity, env, session),
    typedPrompt: null,
  };
}

/** `base`: environment below the definition's own. */
export function isProgramThere(
  { command: [program], cwd, env }: AcpDefinition,
  base: Readonly<Record<string, string | undefined>>,
): boolean {
  if (program.includes("/")) return isExecutable(resolve(cwd, program));
  return findProgram(program, env["PATH"] ?? base["PATH"]) !== null;
}

/** Throws `launch_failed` when the agent's program is not there: the host itself always is. */
export function requireProgram(definition: AcpDefinition, { baseEnv }: LaunchIdentity): void {
  if (isProgramThere(definition, baseEnv)) return;
  const [program] = definition.command;
  throw new RouseError("launch_failed", `the agent's program ${JSON.stringify(program)} is not there`, {
    nextStep: "Install it on this host, or register the agent with another `command`.",
  });
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
