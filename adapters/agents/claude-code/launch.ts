import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { chosenSession } from "../chosen-session.ts";
import { agentEnvironment, ownVariables } from "../environment.ts";
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

/** A server that starts while our node is away answers once it is back: longer than `rouse mcp` waits for that. */
const serverStartMs = 60_000;

export function sessionOf({ purpose, sessionId }: LaunchPlan, runtimeId: string): string | null {
  return purpose === "resume" ? sessionId : chosenSession("claude-code", runtimeId);
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
      {
        ...ownVariables(identity, modelVariables),
        DISABLE_AUTOUPDATER: "1",
        MCP_TIMEOUT: String(serverStartMs),
        ...env,
        CLAUDE_CONFIG_DIR: configFolder,
      },
      session,
    ),
    typedPrompt: null,
  };
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
