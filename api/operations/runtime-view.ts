import { z } from "zod";
import type { Address } from "../../machines/mail.ts";
import {
  type Answer,
  answerOutcomes,
  answerRefusals,
  runtimeStates,
  terminalBackends,
} from "../../machines/runtime/contract.ts";
import type { RuntimeEvent } from "../../machines/runtime/events.ts";
import type { CommandResult } from "../../runtime/engine.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { StoredActor } from "../../runtime/store.ts";
import { runtimeContext, statesOf } from "./actor-view.ts";
import { iso, isoOrNull, timestamp } from "./fields.ts";
import type { MutationCall } from "./operation.ts";

/** An operator's answer to a dialog, and what became of it. */
export const answerShape = z.object({
  fingerprint: z.string(),
  option: z.string(),
  label: z.string().describe("As the dialog called the option: text of others."),
  by: z.string(),
  at: timestamp,
  outcome: z
    .enum(answerOutcomes)
    .describe(
      "answered: the key was pressed and the dialog went away. unconfirmed: the key may have been pressed; look before you answer again. refused: nothing was answered.",
    ),
  refusal: z.enum(answerRefusals).nullable(),
  settled_at: timestamp.nullable(),
});

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
  answer: answerShape.nullable().describe("The latest answer of an operator to a dialog of it."),
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
    answer: answerView(context.answer),
    last_seen_at: iso(context.lastSeenAt),
    detail: context.detail,
  };
}

/** An actor that still waits for its migration has none. */
export function answerView(answer: Answer | null | undefined): z.input<typeof answerShape> | null {
  if (answer === null || answer === undefined) return null;
  const { at, settledAt, ...rest } = answer;
  return { ...rest, at: iso(at), settled_at: isoOrNull(settledAt) };
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
