import { z } from "zod";
import type { Address } from "../../machines/mail.ts";
import { runtimeStates, terminalBackends } from "../../machines/runtime/contract.ts";
import type { RuntimeEvent } from "../../machines/runtime/events.ts";
import type { CommandResult } from "../../runtime/engine.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { StoredActor } from "../../runtime/store.ts";
import { runtimeContext, statesOf } from "./actor-view.ts";
import { iso, timestamp } from "./fields.ts";
import type { MutationCall } from "./operation.ts";

/** A managed runtime as callers see it (D1). */
export const runtimeShape = z.object({
  runtime_id: z.string(),
  agent_id: z.string(),
  host: z.string(),
  state: z.enum(runtimeStates).nullable(),
  states: z.array(z.string()),
  management: z.enum(["managed", "unmanaged"]),
  injection: z.enum(["open", "paused"]),
  backend: z.enum(terminalBackends).nullable(),
  server: z.string().nullable().describe("tmux socket, or the holder's socket."),
  target: z.string().nullable().describe("tmux pane id, or the runtime's id."),
  pid: z.int().nullable(),
  session_id: z.string().nullable(),
  dialog: z.string().nullable(),
  last_seen_at: timestamp,
  detail: z.string().nullable(),
});

export function runtimeView(actor: StoredActor): z.input<typeof runtimeShape> {
  const context = runtimeContext(actor);
  const { address, reported } = context;
  return {
    runtime_id: context.runtimeId,
    agent_id: context.agentId,
    host: context.host,
    state: actor.status === "done" ? "deregistered" : (reported?.state ?? null),
    states: statesOf(actor),
    management: context.management,
    injection: context.injection,
    backend: context.backend,
    server: address?.server ?? null,
    target: address?.target ?? null,
    pid: address?.pid ?? null,
    session_id: context.sessionId,
    dialog: reported?.dialog ?? null,
    last_seen_at: iso(context.lastSeenAt),
    detail: context.detail,
  };
}

/** The CLI's command gives every viewer a view of its own, and knows both kinds of terminal. */
export function attachOf(actor: StoredActor): { host: string; command: string } | null {
  const { runtimeId, host, address } = runtimeContext(actor);
  if (actor.status === "done" || (address?.target ?? null) === null) return null;
  return { host, command: `rouse runtime attach ${runtimeId}` };
}

export function runtimeNotFound(runtimeId: string): RouseError {
  return new RouseError("runtime_not_found", `there is no runtime ${runtimeId}`, {
    nextStep: "List the runtimes to find its id.",
    details: { runtime_id: runtimeId },
  });
}

/** Throws `runtime_not_found`. */
export async function commandRuntime(
  { caller, tx, workspace }: Pick<MutationCall<unknown>, "caller" | "tx" | "workspace">,
  to: Address,
  event: RuntimeEvent,
): Promise<CommandResult> {
  try {
    return await workspace.engine.command(tx, { to, from: caller.agentId, event: { ...event } });
  } catch (error) {
    if (isRouseError(error, "actor_not_found")) throw runtimeNotFound(to.slice("runtime/".length));
    throw error;
  }
}
