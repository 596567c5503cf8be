import { addresses } from "../../machines/mail.ts";
import type { RuntimeState } from "../../machines/runtime/contract.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { PortCall } from "../../runtime/ports.ts";
import type { StoredActor } from "../../runtime/store.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

const endedStates: ReadonlySet<RuntimeState> = new Set(["dead", "crashLooping", "deregistered"]);

/** What the runtime's chart knows. */
export function readRuntime(actor: StoredActor): RuntimeContext {
  const { snapshot } = JSON.parse(actor.record) as { snapshot: { context: RuntimeContext } };
  return snapshot.context;
}

/** Why nothing may be written into a runtime. */
export type Closed = "noRuntime" | "identityMismatch" | "unmanaged" | "injectionPaused";

/** A managed runtime of this host and agent whose injection is open, by every switch: the truth at this moment. */
export async function findOpenRuntime(
  world: WorldOptions,
  { getActor }: Pick<PortCall<unknown>, "getActor">,
  wanted: { runtimeId: string; agentId: string; threadId: string | null },
): Promise<RuntimeContext | Closed> {
  const actor = await getActor(addresses.runtime(wanted.runtimeId));
  if (actor === null || actor.status !== "active") return "noRuntime";
  const runtime = readRuntime(actor);
  if (runtime.agentId !== wanted.agentId || runtime.host !== world.host) return "identityMismatch";
  if (runtime.management !== "managed") return "unmanaged";
  const isPaused = runtime.injection !== "open" || (await world.isPaused(wanted));
  return isPaused ? "injectionPaused" : runtime;
}

/** False when it is gone or somebody else's. Throws when the backend cannot tell. */
export async function isTerminalAlive(terminal: Terminal, address: TerminalAddress): Promise<boolean> {
  try {
    return (await terminal.view(address)).alive;
  } catch (error) {
    if (isRouseError(error, "terminal_missing") || isRouseError(error, "terminal_identity_mismatch"))
      return false;
    throw error;
  }
}

export interface SessionQuery {
  agentId: string;
  sessionId: string;
  /** The runtime that asks. */
  exceptRuntimeId: string;
}

/** Id of a runtime whose living process may hold the session, or null. When it cannot be told, it holds it. */
export async function findSessionHolder(world: WorldOptions, query: SessionQuery): Promise<string | null> {
  const actors = await world.engine.store.transaction(
    (tx) => tx.listActorsBySubject({ kind: "runtime", subject: query.agentId }),
    { readOnly: true },
  );
  for (const actor of actors) {
    if (actor.address === addresses.runtime(query.exceptRuntimeId)) continue;
    const runtime = readRuntime(actor);
    if (mayKnow(runtime, query.sessionId) && (await isAlive(world, actor, runtime))) return runtime.runtimeId;
  }
  return null;
}

function mayKnow({ sessionId, origin }: RuntimeContext, wanted: string): boolean {
  return sessionId === wanted || (origin.type === "launch" && origin.plan.sessionId === wanted);
}

/** As far as its chart knows. */
export function hasEnded(actor: StoredActor, { reported }: RuntimeContext): boolean {
  return actor.status !== "active" || endedStates.has(reported?.state ?? "registered");
}

async function isAlive(world: WorldOptions, actor: StoredActor, runtime: RuntimeContext): Promise<boolean> {
  const state = runtime.reported?.state ?? "registered";
  // What runs on another host can only be judged by its reports.
  if (runtime.host !== world.host) return !hasEnded(actor, runtime) && state !== "stale";
  if (runtime.address !== null) {
    return isTerminalAlive(requireTerminal(world, runtime.address.backend), runtime.address);
  }
  if (runtime.origin.type === "attach" && runtime.origin.pid !== null)
    return isProcessAlive(runtime.origin.pid);
  return !hasEnded(actor, runtime) && state !== "stale" && state !== "registered";
}

function isProcessAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
