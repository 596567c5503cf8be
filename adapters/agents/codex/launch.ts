import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { CodexDefinition } from "./definition.ts";
import { passedOn, startsOurServer } from "./connect.ts";
import { codexHomeOf, sessionPattern } from "./home.ts";
import { ourServer } from "./server.ts";
import { type Setting, toToml } from "./toml.ts";

/**
 * Everything is told by arguments and nothing by Codex's own file of settings, which it and its user write: so there is
 * nothing to merge and nothing to undo, also in the user's own CODEX_HOME.
 */
export function launchCodex(
  definition: CodexDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const { command, cwd, env } = definition;
  const resumed = plan.purpose === "resume" ? ["resume", requireSession(plan.sessionId)] : [];
  // Behind `--` a prompt that looks like an option stays a prompt.
  const prompt = plan.prompt === null ? [] : ["--", plan.prompt.replaceAll("\0", "")];
  const codexHome = codexHomeOf(definition, identity.folder);
  // A program that stands in the person's settings takes address and token from its environment.
  const reached = startsOurServer(codexHome)
    ? { env_vars: passedOn }
    : { url: identity.mcpUrl, bearer_token_env_var: "ROUSE_TOKEN" };
  const options = [...resumed, "--no-daemon", ...modes(definition), ...settings(definition, reached)];
  const session = plan.purpose === "resume" ? plan.sessionId : null;
  return {
    argv: [...command, ...options, ...prompt],
    cwd,
    env: agentEnvironment(identity, { ...env, CODEX_HOME: codexHome }, session),
    typedPrompt: null,
  };
}

function requireSession(sessionId: string | null): string {
  if (sessionId !== null && sessionPattern.test(sessionId)) return sessionId;
  throw new RouseError("launch_failed", `${JSON.stringify(sessionId)} is no session of Codex`, {
    nextStep: "Start the agent anew; Codex names its sessions by UUIDs.",
  });
}

function modes({ model, sandbox, approvals }: CodexDefinition): string[] {
  return [
    ...(model === undefined ? [] : ["--model", model]),
    ...(sandbox === undefined ? [] : ["--sandbox", sandbox]),
    ...(approvals === undefined ? [] : ["--ask-for-approval", approvals]),
  ];
}

function settings({ config, cwd }: CodexDefinition, reached: Record<string, Setting>): string[] {
  const all: Record<string, Setting> = {
    check_for_update_on_startup: false,
    ...config,
    // An inline table: the name of a folder may contain whatever ends a dotted name.
    projects: { [cwd]: { trust_level: "trusted" } },
    "mcp_servers.rouse": { ...reached, ...ourServer },
  };
  return Object.entries(all).flatMap(([name, setting]) => ["-c", `${name}=${toToml(setting)}`]);
}
