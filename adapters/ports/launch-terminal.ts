import { stat } from "node:fs/promises";
import type { z } from "zod";
import { launchTerminal } from "../../machines/runtime/ports.ts";
import { delay } from "../../runtime/clock.ts";
import { RouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import type { AgentCredential, AgentLaunch, AgentProgram } from "../agents/kind.ts";
import type { ScreenReader } from "../terminals/patterns.ts";
import { ensurePrivateFolder } from "../terminals/private-folder.ts";
import { typeSafely } from "../terminals/typing.ts";
import type { LivePrograms } from "./live-programs.ts";
import { getLocalAgent, type LocalAgent } from "./local-agent.ts";
import { isTerminalAlive, readRuntime } from "./managed-runtime.ts";
import { threadOfWakeLine } from "./wake-line.ts";
import { requireTerminal, type TokenOwner, type WorldOptions } from "./world.ts";

type Input = z.infer<typeof launchTerminal.input>;

/** A program that shows no prompt by then gets no first line; the wake that waits for its ack goes on without. */
const promptPatienceMs = 20_000;
const promptRecheckMs = 200;

export function launchTerminalPort(world: WorldOptions, programs: LivePrograms): AnyPortImplementation {
  return implementPort(launchTerminal, async (call) => {
    const { runtimeId, agentId, backend, purpose, sessionId, prompt } = call.input;
    const terminal = requireTerminal(world, backend);
    const agent = await getLocalAgent(world, agentId);
    if (agent === null) throw cannotLaunch(agentId);
    const { program } = agent;
    const plan = { purpose, sessionId, prompt };
    const session = program.sessionOf(plan, runtimeId);
    const found = await findLiving(terminal, runtimeId);
    if (found !== null) return { address: found, sessionId: session };
    const launch = await prepare(world, call, agent);
    call.signal.throwIfAborted();
    const address = await terminal.launch({ runtimeId, argv: launch.argv, cwd: launch.cwd, env: launch.env });
    try {
      // Typed by the attempt that launched only: a repeated attempt must not type it twice.
      if (launch.typedPrompt !== null) {
        const read = await programs.reader(runtimeId, program, call.signal);
        const { enterDelayMs } = program;
        await typePrompt(world, call, { terminal, address, read, enterDelayMs, text: launch.typedPrompt });
      }
      await requireWanted(call);
    } catch (error) {
      if (await isGivenUp(call, address).catch(() => false)) await terminal.kill(address);
      throw error;
    }
    return { address, sessionId: session };
  });
}

/** Throws `lease_lost`. */
function requireWanted(call: PortCall<Input>): Promise<void> {
  return call.transaction(() => Promise.resolve());
}

/** The chart waits no longer and knows nothing of this terminal. Another attempt may still find and use it. */
async function isGivenUp(call: PortCall<Input>, { pid }: TerminalAddress): Promise<boolean> {
  const actor = await call.getActor(call.address);
  if (actor === null) return true;
  const { reported, address } = readRuntime(actor);
  return reported?.state !== "launching" && address?.pid !== pid;
}

/** What an earlier attempt launched; the remains of a program that ended are cleared away. */
async function findLiving(terminal: Terminal, runtimeId: string): Promise<TerminalAddress | null> {
  const found = await terminal.find(runtimeId);
  if (found === null || (await isTerminalAlive(terminal, found))) return found;
  await terminal.kill(found);
  return null;
}

async function prepare(
  world: WorldOptions,
  { input }: PortCall<Input>,
  { program, folder }: LocalAgent,
): Promise<AgentLaunch> {
  const { runtimeId, agentId, purpose, sessionId, prompt } = input;
  const plan = { purpose, sessionId, prompt };
  const session = program.sessionOf(plan, runtimeId);
  const credential = await credentialOf(world, program, { agentId, sessionId: session, runtimeId });
  const { engine, mcpUrl, stdioServer, baseEnv } = world;
  const { workspaceId } = engine;
  const identity = { workspaceId, agentId, runtimeId, mcpUrl, stdioServer, credential, folder, baseEnv };
  const launch = program.launch(plan, identity);
  await requireFolder(launch.cwd);
  if (program.prepare !== undefined) {
    ensurePrivateFolder(folder);
    await program.prepare(identity, folder);
  }
  return launch;
}

async function credentialOf(
  { credentials }: WorldOptions,
  program: AgentProgram,
  owner: TokenOwner,
): Promise<AgentCredential> {
  if (!program.readsTokenFile || credentials.tokenFileFor === undefined) {
    return { token: await credentials.tokenFor(owner) };
  }
  return { file: await credentials.tokenFileFor(owner) };
}

async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) return;
  throw new RouseError(
    "launch_failed",
    `the agent's folder ${JSON.stringify(path)} does not exist on this host`,
    {
      nextStep: "Create the folder, or register the agent with another `cwd`.",
    },
  );
}

interface FirstLine {
  terminal: Terminal;
  address: TerminalAddress;
  read: ScreenReader;
  enterDelayMs: number;
  text: string;
}

async function typePrompt(world: WorldOptions, call: PortCall<Input>, line: FirstLine): Promise<void> {
  const { clock } = world;
  const deadline = clock.now() + promptPatienceMs;
  while (!(await typeOnce(world, call, line)) && clock.now() < deadline) {
    await delay(clock, promptRecheckMs, call.signal);
    call.signal.throwIfAborted();
  }
}

/** False when nothing could be typed yet. */
async function typeOnce(world: WorldOptions, call: PortCall<Input>, line: FirstLine): Promise<boolean> {
  const { clock, quietWindowMs } = world;
  const requireOpen = async (): Promise<void> => {
    call.signal.throwIfAborted();
    if (await isPaused(world, call)) throw new Paused();
  };
  try {
    const { verdict } = await typeSafely({
      terminal: line.terminal,
      address: line.address,
      text: line.text,
      read: line.read,
      quietWindowMs,
      force: false,
      clock,
      pace: { enterDelayMs: line.enterDelayMs },
      beforeFirstByte: requireOpen,
      beforeEnter: requireOpen,
    });
    return verdict !== "deferred";
  } catch (error) {
    if (error instanceof Paused) return false;
    throw error;
  }
}

class Paused extends Error {}

async function isPaused(world: WorldOptions, call: PortCall<Input>): Promise<boolean> {
  const actor = await call.getActor(call.address);
  if (actor !== null && readRuntime(actor).injection !== "open") return true;
  const { agentId, prompt } = call.input;
  // What a wake launches is told of its thread by the last line.
  const threadId = threadOfWakeLine(prompt?.split("\n").at(-1) ?? "");
  return world.isPaused({ agentId, threadId });
}

function cannotLaunch(agentId: string): RouseError {
  return new RouseError("launch_failed", `how to start agent ${agentId} is not known, or not understood`, {
    nextStep: "Register the agent with a kind and a valid definition.",
  });
}
