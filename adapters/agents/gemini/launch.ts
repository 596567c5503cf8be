import { readFileSync, rmSync } from "node:fs";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { chosenSession } from "../chosen-session.ts";
import { agentEnvironment, ownVariables } from "../environment.ts";
import type { AgentLaunch, LaunchIdentity } from "../kind.ts";
import type { GeminiDefinition } from "./definition.ts";
import { findRecord } from "./session-record.ts";

/** How the program finds and pays its model, if the node's own environment says so. */
const modelVariables = [
  ...["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_GEMINI_BASE_URL"],
  ...["GOOGLE_CLOUD_LOCATION", "GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_BASE_URL"],
  ...["GOOGLE_GENAI_USE_GCA", "GOOGLE_GENAI_USE_VERTEXAI"],
];

/** Without it the shell of a hook takes itself for one that somebody logged in to from afar, and reads all of `.bashrc` first. */
const shell = { SHLVL: "1" };

/** A second process around it, which starts it anew after some changes of settings, would keep it alive when its terminal is gone. */
const alone = { GEMINI_CLI_NO_RELAUNCH: "true" };

/** What its model is reached and paid by. */
export function modelEnvironment(
  { env }: GeminiDefinition,
  identity: Pick<LaunchIdentity, "baseEnv">,
): Record<string, string> {
  return { ...ownVariables(identity, modelVariables), ...env };
}

export function sessionOf({ purpose, sessionId }: LaunchPlan, runtimeId: string): string | null {
  return purpose === "resume" ? sessionId : chosenSession("gemini", runtimeId);
}

export function launchGemini(
  definition: GeminiDefinition,
  plan: LaunchPlan,
  identity: LaunchIdentity,
): AgentLaunch {
  const { command, cwd, model, approvalMode } = definition;
  const { session, isKnown } = chooseSession(plan, identity);
  return {
    argv: [
      ...command,
      "--skip-trust",
      ...[isKnown ? "--resume" : "--session-id", session],
      ...(model === undefined ? [] : [`--model=${model}`]),
      ...(approvalMode === undefined ? [] : ["--approval-mode", approvalMode]),
      ...(plan.prompt === null ? [] : [`--prompt-interactive=${withoutFiles(plan.prompt)}`]),
    ],
    cwd,
    env: agentEnvironment(
      identity,
      { ...shell, ...alone, ...modelEnvironment(definition, identity), GEMINI_CLI_HOME: identity.folder },
      session,
    ),
    typedPrompt: null,
  };
}

/** A launch repeated after its session has begun: using the id once more would be refused, and so would resuming no turn. */
function chooseSession(
  plan: LaunchPlan,
  { folder, runtimeId }: LaunchIdentity,
): { session: string; isKnown: boolean } {
  const session = sessionOf(plan, runtimeId);
  const record = session === null ? null : findRecord(folder, session);
  if (session === null || (record === null && plan.purpose === "resume")) {
    throw new RouseError("launch_failed", `${JSON.stringify(session)} is no session of Gemini CLI here`, {
      nextStep: "Start the agent anew.",
    });
  }
  const isKnown = record !== null && hasTurn(record);
  if (record !== null && !isKnown) rmSync(record, { force: true });
  return { session, isKnown };
}

/** Beside what a session begins with. */
function hasTurn(record: string): boolean {
  const [, ...lines] = readFileSync(record, "utf8").trimEnd().split("\n");
  return lines.some((line) => !line.startsWith('{"$set"'));
}

/** Behind a bare `@` the program would look for a file, and put it into the prompt. */
function withoutFiles(prompt: string): string {
  return prompt.replaceAll("\0", "").replaceAll("@", "\\@");
}
