import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { CodexDefinition } from "./definition.ts";
import { passedOn, startsOurServer } from "./connect.ts";
import { appServerSocket, codexHomeOf, sessionPattern } from "./home.ts";
import { ourServer } from "./server.ts";
import { type Setting, toToml } from "./toml.ts";

type Argv = [string, ...string[]];

/** What start.ts is told. */
export interface CodexStart {
  /** Starts the app-server; the program is a terminal of it. */
  server: Argv;
  program: Argv;
  socketPath: string;
  /** The server's own words. */
  logPath: string;
  /** Parameters of `thread/resume`; null for a new session. */
  resumed: object | null;
}

/** `.ts` in the repository, `.js` in the built package. */
const startProgram = fileURLToPath(new URL(`./start${extname(import.meta.url)}`, import.meta.url));

/**
 * Everything is told by arguments and nothing by Codex's own file of settings, which it and its user write: so there is
 * nothing to merge and nothing to undo, also in the user's own CODEX_HOME.
 */
export function launchCodex(
  definition: CodexDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const { cwd, env } = definition;
  const { folder, runtimeId } = identity;
  const codexHome = codexHomeOf(definition, folder);
  const sessionId = plan.purpose === "resume" ? requireSession(plan.sessionId) : null;
  const start = startOf(definition, { ...plan, sessionId }, settingsOf(definition, codexHome, identity), {
    socketPath: appServerSocket(folder, runtimeId),
    logPath: join(folder, "app-server.log"),
  });
  return {
    argv: [process.execPath, "--no-warnings", startProgram, JSON.stringify(start)],
    cwd,
    env: agentEnvironment(identity, { ...env, CODEX_HOME: codexHome }, sessionId),
    typedPrompt: null,
  };
}

function startOf(
  definition: CodexDefinition,
  { sessionId, prompt }: Pick<LaunchPlan, "sessionId" | "prompt">,
  settings: Record<string, Setting>,
  paths: Pick<CodexStart, "socketPath" | "logPath">,
): CodexStart {
  const { command, cwd, model, sandbox, approvals } = definition;
  const address = `unix://${paths.socketPath}`;
  // Behind `--` a prompt that looks like an option stays a prompt.
  const typed = prompt === null ? [] : ["--", prompt.replaceAll("\0", "")];
  const server: Argv = [...command, "app-server", "--listen", address, ...options(settings)];
  const shown = ["--remote", address, ...(model === undefined ? [] : ["--model", model])];
  if (sessionId === null) {
    const program: Argv = [...command, ...shown, ...permissions(definition), ...options(settings), ...typed];
    return { server, program, ...paths, resumed: null };
  }
  // A terminal that is not its server's own refuses to resume with permissions.
  const { approval_policy: _, sandbox_mode: __, ...rest } = settings;
  const program: Argv = [...command, "resume", sessionId, ...shown, ...options(rest), ...typed];
  const resumed = { threadId: sessionId, cwd, model, sandbox, approvalPolicy: approvals };
  return { server, program, ...paths, resumed };
}

function requireSession(sessionId: string | null): string {
  if (sessionId !== null && sessionPattern.test(sessionId)) return sessionId;
  throw new RouseError("launch_failed", `${JSON.stringify(sessionId)} is no session of Codex`, {
    nextStep: "Start the agent anew; Codex names its sessions by UUIDs.",
  });
}

function permissions({ sandbox, approvals }: CodexDefinition): string[] {
  return [
    ...(sandbox === undefined ? [] : ["--sandbox", sandbox]),
    ...(approvals === undefined ? [] : ["--ask-for-approval", approvals]),
  ];
}

function settingsOf(
  { config, cwd }: CodexDefinition,
  codexHome: string,
  { mcpUrl }: LaunchIdentity,
): Record<string, Setting> {
  // A program that stands in the person's settings takes address and token from its environment.
  const reached: Record<string, Setting> = startsOurServer(codexHome)
    ? { env_vars: passedOn }
    : { url: mcpUrl, bearer_token_env_var: "ROUSE_TOKEN" };
  return {
    check_for_update_on_startup: false,
    ...config,
    // An inline table: the name of a folder may contain whatever ends a dotted name.
    projects: { [cwd]: { trust_level: "trusted" } },
    "mcp_servers.rouse": { ...reached, ...ourServer },
  };
}

function options(settings: Record<string, Setting>): string[] {
  return Object.entries(settings).flatMap(([name, setting]) => ["-c", `${name}=${toToml(setting)}`]);
}
