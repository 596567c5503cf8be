import { randomBytes } from "node:crypto";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { agentEnvironment } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { OpencodeDefinition } from "./definition.ts";
import { firstPromptVariables } from "./first-prompt.ts";
import { passwordVariable, serverArguments } from "./server-process.ts";
import { databaseVariable, ownDatabase, sessionPattern } from "./sessions.ts";

/** Where the person's settings and sign-in are, and the usual keys, if the node's own environment says so. */
const passedOn = [
  "XDG_CONFIG_HOME",
  "XDG_DATA_HOME",
  "XDG_STATE_HOME",
  "XDG_CACHE_HOME",
  "OPENCODE_CONFIG",
  "OPENCODE_CONFIG_DIR",
  "OPENCODE_API_KEY",
  "ANTHROPIC_API_KEY",
  "OPENAI_API_KEY",
  "OPENROUTER_API_KEY",
  "GEMINI_API_KEY",
];

/**
 * All settings of ours travel in the environment, on top of the person's own. The server asks for a password that only
 * the program and we know: anybody on this host could give it prompts, and answer its questions, without one.
 */
export function launchOpencode(
  definition: OpencodeDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const { command, cwd, env, model, agent, sessions } = definition;
  const session = plan.purpose === "resume" ? requireSession(plan.sessionId) : null;
  const prompt = plan.prompt?.replaceAll("\0", "") ?? null;
  const own = {
    ...passedOnBy(identity),
    ...env,
    ...(sessions === "own" ? { [databaseVariable]: ownDatabase(identity.folder) } : {}),
    OPENCODE_CONFIG_CONTENT: JSON.stringify(settingsOf(definition, identity)),
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    ...(prompt === null || session === null ? {} : firstPromptVariables(prompt)),
    OPENCODE_SERVER_USERNAME: "opencode",
    [passwordVariable]: randomBytes(32).toString("base64url"),
  };
  return {
    argv: [
      ...command,
      ...serverArguments,
      ...(session === null ? [] : ["--session", session]),
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...(agent === undefined ? [] : [`--agent=${agent}`]),
      // With a session it would be left out. As one argument a prompt that looks like an option stays a prompt.
      ...(prompt === null || session !== null ? [] : [`--prompt=${prompt}`]),
    ],
    cwd,
    env: agentEnvironment(identity, own, session),
    typedPrompt: null,
  };
}

function requireSession(sessionId: string | null): string {
  if (sessionId !== null && sessionPattern.test(sessionId)) return sessionId;
  throw new RouseError("launch_failed", `${JSON.stringify(sessionId)} is no session of opencode`, {
    nextStep: "Start the agent anew; opencode's sessions begin with ses_.",
  });
}

function passedOnBy({ baseEnv }: LaunchIdentity): Record<string, string> {
  const found = passedOn.flatMap((name) => {
    const value = baseEnv[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(found);
}

/** An agent that was woken has nobody to ask before it uses our tools. */
function settingsOf({ config }: OpencodeDefinition, { mcpUrl }: LaunchIdentity): object {
  const rouse = {
    ...{ type: "remote", url: mcpUrl, enabled: true, oauth: false },
    headers: { Authorization: "Bearer {env:ROUSE_TOKEN}" },
  };
  return {
    autoupdate: false,
    ...config,
    mcp: { ...objectIn(config, "mcp"), rouse },
    permission: { ...permissionsIn(config), "rouse_*": "allow" },
  };
}

function objectIn(config: OpencodeDefinition["config"], name: string): object {
  const value = config[name];
  return typeof value === "object" && value !== null ? value : {};
}

/** One word holds for everything. */
function permissionsIn(config: OpencodeDefinition["config"]): object {
  const all = config["permission"];
  return typeof all === "string" ? { "*": all } : objectIn(config, "permission");
}
