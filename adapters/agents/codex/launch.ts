import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { CodexDefinition } from "./definition.ts";
import { codexHomeOf, sessionPattern } from "./home.ts";
import { type Setting, toToml } from "./toml.ts";

/** Longest an answer of ours may take: a read that waits for messages is bounded below that. */
const toolTimeoutSec = 120;

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
  const options = [...resumed, "--no-daemon", ...modes(definition), ...settings(definition, identity.mcpUrl)];
  // Behind `--` a prompt that looks like an option stays a prompt.
  const prompt = plan.prompt === null ? [] : ["--", plan.prompt.replaceAll("\0", "")];
  const codexHome = codexHomeOf(definition, identity.folder);
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

function settings({ config, cwd }: CodexDefinition, mcpUrl: string): string[] {
  const all: Record<string, Setting> = {
    check_for_update_on_startup: false,
    ...config,
    // An inline table: the name of a folder may contain whatever ends a dotted name.
    projects: { [cwd]: { trust_level: "trusted" } },
    "mcp_servers.rouse": {
      url: mcpUrl,
      bearer_token_env_var: "ROUSE_TOKEN",
      default_tools_approval_mode: "approve",
      startup_timeout_sec: 10,
      tool_timeout_sec: toolTimeoutSec,
    },
  };
  return Object.entries(all).flatMap(([name, setting]) => ["-c", `${name}=${toToml(setting)}`]);
}
