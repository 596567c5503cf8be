import { parseArgs } from "node:util";
import { scriptedRoles, type ScriptedRole } from "./roles.ts";

const crashPoints = ["read", "posted"] as const;

export interface ScriptedOptions {
  role: ScriptedRole;
  /** Our own id, from ROUSE_AGENT. */
  agentId: string;
  /** MCP endpoint, from ROUSE_URL. */
  url: string;
  token: string;
  /** Session to bring back, or null for a new one. */
  resume: string | null;
  /** Acted on at once, as if it had been submitted. */
  prompt: string | null;
  /** Thread to look at without being woken, or null. */
  thread: string | null;
  /** Whom its posts are directed to, or null for everybody. */
  to: readonly string[] | null;
  /** Time that one turn takes before it reads anything. */
  thinkMs: number;
  enterGuardMs: number;
  /** Dies by SIGKILL at this point of its first turn, unless it was resumed. */
  crashAt: (typeof crashPoints)[number] | null;
  /** Where sessions are remembered; without it nothing can be resumed. */
  stateFile: string | null;
  /** Every pointer line that it was given is noted here, one JSON line each. */
  logFile: string | null;
}

export function readOptions(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ScriptedOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      role: { type: "string", default: "echo" },
      resume: { type: "string" },
      prompt: { type: "string" },
      thread: { type: "string" },
      to: { type: "string" },
      "think-ms": { type: "string", default: "150" },
      "enter-guard-ms": { type: "string", default: "30" },
      "crash-at": { type: "string" },
    },
  });
  return {
    role: oneOf("--role", scriptedRoles, values.role),
    agentId: required(env, "ROUSE_AGENT"),
    url: required(env, "ROUSE_URL"),
    token: required(env, "ROUSE_TOKEN"),
    resume: values.resume ?? null,
    prompt: values.prompt ?? null,
    thread: values.thread ?? null,
    to: values.to?.split(",") ?? null,
    thinkMs: milliseconds("--think-ms", values["think-ms"]),
    enterGuardMs: milliseconds("--enter-guard-ms", values["enter-guard-ms"]),
    crashAt: values["crash-at"] === undefined ? null : oneOf("--crash-at", crashPoints, values["crash-at"]),
    stateFile: env["SCRIPTED_AGENT_STATE"] ?? null,
    logFile: env["SCRIPTED_AGENT_LOG"] ?? null,
  };
}

function oneOf<Value extends string>(name: string, allowed: readonly Value[], value: string): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw new Error(`${name} must be one of: ${allowed.join(", ")}`);
  return found;
}

function milliseconds(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 600_000)
    throw new Error(`${name} must be 0 to 600000`);
  return value;
}

function required(env: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = env[name];
  if (value === undefined || value === "")
    throw new Error(`${name} is not set: Rouse sets it when it launches an agent`);
  return value;
}
