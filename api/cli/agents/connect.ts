import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { findProgram } from "../../../adapters/agents/find-program.ts";
import type { ServerCommand } from "../../../adapters/agents/host.ts";
import { planConnection } from "../../../adapters/agents/settings/connection.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { homeOf } from "../../config.ts";
import { agentId } from "../../operations/fields.ts";
import type { Invocation } from "../invocation.ts";
import { programPath } from "../../program-path.ts";
import { unifiedDiff } from "../render/diff.ts";
import { paperOf } from "../render/paper.ts";
import { connectedText, type ConnectReport, diffText } from "../views/agents.ts";
import { hostOf, requireHostedProgram } from "./host.ts";

export interface ConnectGiven {
  kind: string;
  agent?: string;
  url?: string;
  undo?: boolean;
  dryRun?: boolean;
  yes?: boolean;
}

/** Shows what changes in the person's settings, asks, and writes it. */
export async function connect(invocation: Invocation, given: ConnectGiven): Promise<void> {
  const { kind, agent = null, undo = false, dryRun = false, yes = false } = given;
  const { surroundings, isJson } = invocation;
  const { environment } = surroundings;
  const program = requireHostedProgram(kind);
  const connecting = {
    program,
    host: hostOf(environment),
    recordPath: join(homeOf(environment), recordName),
  };
  const plan = await planConnection(connecting, undo ? null : serverCommand(given, environment));
  const files = plan.files
    .filter(({ before, after }) => before !== after)
    .map(({ path, before, after }) => ({ path, diff: unifiedDiff(path, before, after) }));
  if (!isJson) surroundings.out(diffText(files, paperOf(surroundings)));
  const isWritten = files.length > 0 && !dryRun && (yes || (await isAgreed(invocation)));
  // Also where nothing changes: our record may name what is gone.
  if (isWritten || (files.length === 0 && !dryRun)) await plan.carryOut();
  const report: ConnectReport = { kind, agent_id: agent, undo, written: isWritten, files };
  invocation.show(report, (shown) => connectedText(shown, { title: program.title, dryRun }));
}

/** In the home folder: what we wrote into whose settings. */
const recordName = "connected.json";

/** No token: `rouse mcp` finds one in its environment, or has one made for the agent. */
function serverCommand({ agent, url }: ConnectGiven, environment: NodeJS.ProcessEnv): ServerCommand {
  const { command, args } = ownCommand(environment);
  const home = environment["ROUSE_HOME"];
  return {
    command,
    args: [
      ...args,
      "mcp",
      ...(agent === undefined ? [] : ["--agent", requireAgentId(agent)]),
      ...(url === undefined ? [] : ["--url", url]),
    ],
    env: home === undefined ? {} : { ROUSE_HOME: resolve(home) },
  };
}

/** By its name where that leads to this very program, so that it stays right after an update; else by its place. */
function ownCommand({ PATH }: NodeJS.ProcessEnv): { command: string; args: string[] } {
  const main = programPath("./cli/main");
  const found = findProgram("rouse", PATH);
  if (found !== null && realpathSync(found) === realpathSync(main)) return { command: "rouse", args: [] };
  return { command: process.execPath, args: ["--no-warnings", main] };
}

function requireAgentId(agent: string): string {
  const parsed = agentId.safeParse(agent);
  if (parsed.success) return parsed.data;
  throw new RouseError("invalid_input", `${JSON.stringify(agent)} is no agent's id`, {
    nextStep: "Name it as in reviewer-1: a-z, 0-9 and -.",
  });
}

async function isAgreed({ surroundings, isJson }: Invocation): Promise<boolean> {
  const { screen, err } = surroundings;
  if (isJson || screen === undefined) {
    throw new RouseError("invalid_input", "nothing was written: nobody is there to agree to it", {
      nextStep: "Look with --dry-run, then repeat it with --yes.",
    });
  }
  err("Write this? [y/N] ");
  const key = await new Promise<string>((settle) => {
    const stop = screen.onKey((pressed) => {
      stop();
      settle(pressed);
    });
  });
  const isYes = key.toLowerCase() === "y";
  err(isYes ? "y\n" : "n\n");
  return isYes;
}
