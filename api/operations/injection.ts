import { z } from "zod";
import { addresses, topics } from "../../machines/mail.ts";
import type { PauseScope } from "../../machines/participant/contract.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import { requireReason, requireThread } from "./access.ts";
import { authorityOf } from "./authority.ts";
import { agentId, reason, runtimeId, threadId } from "./fields.ts";
import { isInjectionPaused, switchInjection } from "./injection-switch.ts";
import { defineMutation, type MutationCall } from "./operation.ts";
import { authorities } from "./role-sets.ts";
import { commandRuntime } from "./runtime-view.ts";

const injectionScopes = ["runtime", "agent", "thread", "workspace"] as const;

const switching = {
  refusals: [
    "reason_required",
    "agent_not_found",
    "thread_not_found",
    "runtime_not_found",
    "actor_quarantined",
  ],
  idempotent: true,
  input: {
    scope: z.enum(injectionScopes),
    agent_id: agentId.optional().describe("With scope agent."),
    thread_id: threadId.optional().describe("With scope thread."),
    runtime_id: runtimeId.optional().describe("With scope runtime."),
    reason: reason.optional().describe("Required: why."),
  },
  output: { scope: z.enum(injectionScopes), injection: z.enum(["paused", "open"]) },
} as const;

type Switch = MutationCall<{
  scope: (typeof injectionScopes)[number];
  agent_id?: string | undefined;
  thread_id?: string | undefined;
  runtime_id?: string | undefined;
  reason?: string | undefined;
}>;

export const pauseInjection = defineMutation({
  name: "pause_injection",
  summary:
    "The red switch: nothing is typed into this runtime, for this agent or thread, or in the workspace.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/injection/pause" },
  roles: authorities,
  ...switching,
  handler: (call) => switchScope(call, "paused"),
});

export const resumeInjection = defineMutation({
  name: "resume_injection",
  summary: "Takes the red switch back for a runtime, an agent, a thread, or the workspace.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/injection/resume" },
  roles: authorities,
  ...switching,
  handler: (call) => switchScope(call, "open"),
});

async function switchScope(call: Switch, injection: "paused" | "open") {
  const { input, tx } = call;
  const why = requireReason(input.reason, `injection ${injection}`);
  switch (input.scope) {
    case "runtime":
      await switchRuntime(call, requireField("runtime_id", input.runtime_id), { injection, why });
      break;
    case "agent": {
      const agent = requireField("agent_id", input.agent_id);
      await requireKnown(tx, agent);
      const known = await tx.getAgent(agent);
      noteSwitch(call, `agent/${agent}`, { wasPaused: known?.paused === true, injection });
      await tx.pauseAgent({ agentId: agent, paused: injection === "paused" });
      await publish(call, topics.agent(agent), { scope: "agent", injection, why });
      break;
    }
    case "thread": {
      const thread = requireField("thread_id", input.thread_id);
      await requireThread(tx, thread);
      noteSwitch(call, `thread/${thread}`, { wasPaused: await isInjectionPaused(tx, thread), injection });
      await switchInjection(tx, thread, injection === "paused");
      await publish(call, topics.thread(thread), { scope: "thread", injection, why });
      break;
    }
    case "workspace":
      noteSwitch(call, "workspace", { wasPaused: await isInjectionPaused(tx, null), injection });
      await switchInjection(tx, null, injection === "paused");
      await publish(call, topics.workspace, { scope: "workspace", injection, why });
  }
  return { scope: input.scope, injection };
}

function noteSwitch(
  { noteChange }: Switch,
  of: string,
  { wasPaused, injection }: { wasPaused: boolean; injection: "paused" | "open" },
): void {
  noteChange(`${of} injection`, { before: wasPaused ? "paused" : "open", after: injection });
}

interface Change {
  injection: "paused" | "open";
  why: string;
}

async function switchRuntime(call: Switch, runtime: string, { injection, why }: Change): Promise<void> {
  const type = injection === "paused" ? "injection.paused" : "injection.resumed";
  // Not taken: it stands there already, which is what was asked for.
  await commandRuntime(call, addresses.runtime(runtime), { type, ...authorityOf(call.caller, why) });
}

/** An agent that never reported is known too when it has a terminal or a thread. Throws `agent_not_found`. */
async function requireKnown(tx: Transaction, agent: string): Promise<void> {
  if ((await tx.getAgent(agent)) !== null) return;
  for (const kind of ["runtime", "participant"]) {
    if ((await tx.listActorsBySubject({ kind, subject: agent })).length > 0) return;
  }
  throw new RouseError("agent_not_found", `nothing is known of agent ${agent}`, {
    nextStep: "List agents and runtimes to find its id.",
    details: { agent_id: agent },
  });
}

async function publish(
  { caller, tx }: Switch,
  topic: string,
  { scope, injection, why }: Change & { scope: PauseScope },
): Promise<void> {
  const type = injection === "paused" ? "injection.paused" : "injection.resumed";
  const event: ParticipantEvent = { type, scope, ...authorityOf(caller, why) };
  await tx.publish({ topic, from: caller.agentId, event: { ...event } });
}

function requireField(name: string, value: string | undefined): string {
  if (value !== undefined) return value;
  throw new RouseError("invalid_input", `${name}: is required with this scope`, {
    nextStep: `Name it in ${name}.`,
    details: { issues: [{ path: name, message: "is required with this scope" }] },
  });
}
