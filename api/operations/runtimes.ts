import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { RuntimeEvent } from "../../machines/runtime/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import { requireReason } from "./access.ts";
import { runtimeContext } from "./actor-view.ts";
import { authorityOf } from "./authority.ts";
import { agentId, caps, cursor, limit, page, pageEnd, pageQuery, reason, runtimeId } from "./fields.ts";
import { defineMutation, defineQuery, type MutationCall } from "./operation.ts";
import { authorities, everyone, members, seesEverything } from "./role-sets.ts";
import { longestLifetimeMs, longestRefreshMs } from "./tokens.ts";
import { attachOf, commandRuntime, runtimeNotFound, runtimeShape, runtimeView } from "./runtime-view.ts";

export const listRuntimes = defineQuery({
  name: "list_runtimes",
  summary: "Managed runtimes: which agent lives in which terminal, and what it is doing.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/runtimes" },
  roles: everyone,
  input: { agent_id: agentId.optional().describe("Agents see their own only."), limit, cursor },
  output: { runtimes: z.array(runtimeShape), ...page },
  async handler({ caller, input, store }) {
    const subject = seesEverything(caller.role) ? input.agent_id : caller.agentId;
    if (subject === undefined) {
      const { rows, next } = await store.listActors({ kind: "runtime", ...pageQuery(input) });
      return { runtimes: rows.map(runtimeView), ...pageEnd(next) };
    }
    const rows = await store.transaction((tx) => tx.listActorsBySubject({ kind: "runtime", subject }), {
      readOnly: true,
    });
    return { runtimes: rows.map(runtimeView), ...pageEnd(null) };
  },
});

export const getRuntime = defineQuery({
  name: "get_runtime",
  summary: "One managed runtime: terminal, process, session, state.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/runtimes/:runtime_id" },
  roles: everyone,
  refusals: ["runtime_not_found"],
  input: { runtime_id: runtimeId },
  output: {
    runtime: runtimeShape,
    attach: z
      .object({ host: z.string().describe("Only there."), command: z.string() })
      .nullable()
      .describe("How a person looks at the terminal. null: there is none of ours."),
  },
  async handler({ caller, input, store }) {
    const actor = await store.getActor(addresses.runtime(input.runtime_id));
    const isVisible = actor !== null && (seesEverything(caller.role) || actor.subject === caller.agentId);
    if (!isVisible) throw runtimeNotFound(input.runtime_id);
    return { runtime: runtimeView(actor), attach: attachOf(actor) };
  },
});

export const deregisterRuntime = defineMutation({
  name: "deregister_runtime",
  summary: "Ends the agent's program, removes its terminal and takes the runtime off the books.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/runtimes/:runtime_id/stop" },
  roles: members,
  refusals: ["runtime_not_found", "reason_required", "actor_quarantined"],
  idempotent: true,
  destructive: true,
  input: { runtime_id: runtimeId, reason: reason.optional().describe("Required: why.") },
  output: { runtime: runtimeShape },
  async handler(call) {
    const why = requireReason(call.input.reason, "ending a runtime");
    const stopped = await change(call, { type: "stop.requested", ...authorityOf(call.caller, why) });
    await revokeTokensOfRuntime(call);
    return stopped;
  },
});

/** What was handed to its program at a launch ends with it. */
async function revokeTokensOfRuntime(call: MutationCall<{ runtime_id: string }>): Promise<void> {
  const { caller, input, tx, workspace } = call;
  const { rows } = await tx.listTokens({ runtimeId: input.runtime_id, state: "live", limit: caps.pageSize });
  for (const jti of new Set(rows.map(({ rootJti }) => rootJti))) {
    const expiresAt = tx.now + longestRefreshMs + longestLifetimeMs;
    await tx.revokeToken({
      jti,
      expiresAt,
      by: caller.agentId,
      reason: `runtime ${input.runtime_id} was ended`,
    });
    workspace.tokens.noteRevoked(jti);
  }
  if (rows.length > 0) workspace.tokens.noteChanged();
}

export const reconcileRuntime = defineMutation({
  name: "reconcile_runtime",
  summary: "Looks for the runtime's terminal again, by its identity.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/runtimes/:runtime_id/reconcile" },
  roles: authorities,
  refusals: ["runtime_not_found", "transition_refused", "actor_quarantined"],
  idempotent: true,
  input: { runtime_id: runtimeId },
  output: { runtime: runtimeShape },
  async handler(call) {
    // A chart that sees no need for it ignores the request; the answer shows where the runtime stands.
    const to = addresses.runtime(call.input.runtime_id);
    const { actor } = await commandRuntime(call, to, { type: "reconciliation.requested" });
    return { runtime: runtimeView(actor) };
  },
});

export const changeRuntimeManagement = defineMutation({
  name: "change_runtime_management",
  summary: "Hands a runtime over to a person (unmanaged: never typed into), or takes it back.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/runtimes/:runtime_id/management" },
  roles: authorities,
  refusals: ["runtime_not_found", "reason_required", "transition_refused", "actor_quarantined"],
  idempotent: true,
  input: {
    runtime_id: runtimeId,
    management: z.enum(["managed", "unmanaged"]),
    reason: reason.optional().describe("Required: why."),
  },
  output: { runtime: runtimeShape },
  async handler(call) {
    const { management } = call.input;
    const why = requireReason(call.input.reason, `making a runtime ${management}`);
    return change(call, { type: "management.changed", management, ...authorityOf(call.caller, why) });
  },
});

async function change(call: MutationCall<{ runtime_id: string }>, event: RuntimeEvent) {
  const { caller, input, tx } = call;
  const to = addresses.runtime(input.runtime_id);
  const before = await tx.getActor(to);
  const isVisible = before !== null && (seesEverything(caller.role) || before.subject === caller.agentId);
  if (!isVisible) throw runtimeNotFound(input.runtime_id);
  const { taken, actor } = await commandRuntime(call, to, event);
  if (taken) return { runtime: runtimeView(actor) };
  const from = runtimeContext(before).reported?.state ?? null;
  throw new RouseError(
    "transition_refused",
    `runtime ${input.runtime_id} is ${String(from)} (${before.status}); ${event.type} changes nothing there`,
    {
      nextStep: "Look at it with get_runtime; an attached runtime has no terminal that could be managed.",
      details: { from, event: event.type },
    },
  );
}
