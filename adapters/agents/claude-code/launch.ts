import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { ClaudeCodeDefinition } from "./definition.ts";
import { configFolderOf, filesIn } from "./prepare.ts";

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** How the program finds and pays its model, if the node's own environment says so. */
const modelVariables = [
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_AUTH_TOKEN",
  "ANTHROPIC_BASE_URL",
  "ANTHROPIC_MODEL",
  "CLAUDE_CODE_OAUTH_TOKEN",
];

/** A new session gets an id of our choice, always the same for one runtime, so that a repeated launch finds it. */
export function sessionOf({ purpose, sessionId }: LaunchPlan, runtimeId: string): string | null {
  if (purpose === "resume") return sessionId;
  const hex = createHash("sha256").update(`claude-code/${runtimeId}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export function launchClaudeCode(
  definition: ClaudeCodeDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const session = sessionOf(plan, identity.runtimeId);
  if (session === null || !uuid.test(session)) {
    throw new RouseError("launch_failed", "Claude Code's session ids are UUIDs; this one is not, or missing");
  }
  requireSandboxForRoot(definition);
  const configFolder = configFolderOf(definition, identity.folder);
  const isKnown = plan.purpose === "resume" || hasTranscript(configFolder, session);
  const { mcpConfig, settings } = filesIn(identity.folder);
  const { command, cwd, env } = definition;
  // Left to itself in a new folder the program would let a model answer permission prompts.
  const permissionMode =
    definition.permissionMode ?? (definition.configFolder === undefined ? "manual" : null);
  return {
    argv: [
      ...command,
      ...[isKnown ? "--resume" : "--session-id", session],
      ...["--mcp-config", mcpConfig, "--strict-mcp-config", "--settings", settings],
      ...(permissionMode === null ? [] : ["--permission-mode", permissionMode]),
      // Behind the mark a prompt that begins with a dash is no option.
      ...(plan.prompt === null ? [] : ["--", plan.prompt.replaceAll("\0", "")]),
    ],
    cwd,
    env: agentEnvironment(
      identity,
      { ...modelEnvironment(identity), DISABLE_AUTOUPDATER: "1", ...env, CLAUDE_CONFIG_DIR: configFolder },
      session,
    ),
    typedPrompt: null,
  };
}

function modelEnvironment({ baseEnv }: LaunchIdentity): Record<string, string> {
  const found = modelVariables.flatMap((name) => {
    const value = baseEnv[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** Claude Code ends at once when root asks for this without saying that it runs in a sandbox. */
function requireSandboxForRoot({ permissionMode, env }: ClaudeCodeDefinition): void {
  if (permissionMode !== "bypassPermissions" || process.getuid?.() !== 0 || env["IS_SANDBOX"] === "1") return;
  throw new RouseError("launch_failed", "Claude Code refuses to bypass permissions as root", {
    nextStep: "Run the node as another user, or set IS_SANDBOX=1 in the definition's `env` if this is one.",
  });
}

/** A launch repeated after its session has begun: using the id once more would be refused. */
function hasTranscript(configFolder: string, sessionId: string): boolean {
  const projects = join(configFolder, "projects");
  if (!existsSync(projects)) return false;
  return readdirSync(projects).some((folder) => existsSync(join(projects, folder, `${sessionId}.jsonl`)));
}
