import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import { defineAgentKind, type AgentLaunch, type AgentProgram, type LaunchIdentity } from "../kind.ts";
import { genericDefinition, type GenericDefinition } from "./definition.ts";

export const generic = defineAgentKind({
  kind: "generic",
  definition: genericDefinition,
  program(definition): AgentProgram {
    return {
      patterns: definition.patterns,
      enterDelayMs: definition.enterDelayMs,
      canResume: definition.resume !== undefined,
      readsTokenFile: definition.tokenRefresh,
      sessionOf: (plan, runtimeId) => sessionOf(definition, plan, runtimeId),
      launch: (plan, identity) => launch(definition, plan, identity),
    };
  },
});

function sessionOf(definition: GenericDefinition, plan: LaunchPlan, runtimeId: string): string | null {
  if (plan.purpose === "resume") return plan.sessionId;
  return definition.session === undefined ? null : `ses-${runtimeId}`;
}

function launch(definition: GenericDefinition, plan: LaunchPlan, identity: LaunchIdentity): AgentLaunch {
  const session = sessionOf(definition, plan, identity.runtimeId);
  const values = { session: session ?? "", prompt: argumentText(plan.prompt ?? "") };
  const promptArgs =
    definition.prompt.as === "argument" && plan.prompt !== null ? definition.prompt.args : [];
  const optional = [...sessionArgs(definition, plan, session), ...promptArgs];
  return {
    argv: [...definition.command, ...optional.map((arg) => fill(arg, values))],
    cwd: definition.cwd,
    env: agentEnvironment(identity, definition.env, session),
    typedPrompt: definition.prompt.as === "typed" ? lastLine(plan.prompt) : null,
  };
}

function sessionArgs(
  definition: GenericDefinition,
  plan: LaunchPlan,
  session: string | null,
): readonly string[] {
  if (plan.purpose !== "resume") return definition.session?.args ?? [];
  if (definition.resume === undefined) {
    throw new RouseError("launch_failed", "this agent's definition has no resume arguments", {
      nextStep: "Register the agent with `resume.args`, or start it anew.",
    });
  }
  // Agents choose their session ids: one that looks like an option must not become one.
  if (session === null || !/^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/.test(session)) {
    throw new RouseError("launch_failed", "the session id is missing or not safe as an argument");
  }
  return definition.resume.args;
}

/** In one pass, so that a prompt which contains a placeholder stays as it is. */
function fill(arg: string, values: Readonly<Record<"session" | "prompt", string>>): string {
  return arg.replaceAll(/\{(session|prompt)\}/g, (_, name: "session" | "prompt") => values[name]);
}

/** No NUL (exec would refuse it); a leading dash would be read as an option. */
function argumentText(prompt: string): string {
  return prompt.replaceAll("\0", "").replace(/^-/, " -");
}

/** The pointer stands last; what comes before was written by others and is never typed. */
function lastLine(prompt: string | null): string | null {
  return prompt?.split("\n").at(-1) ?? null;
}
