import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import { requireMember, requireOpen, requireReadable, requireReason, requireThread } from "./access.ts";
import { regionState, statesOf } from "./actor-view.ts";
import { authorityOf } from "./authority.ts";
import { agentId, cursor, limit, page, pageEnd, pageQuery, reason, threadId } from "./fields.ts";
import { joinThread } from "./join-thread.ts";
import { defineMutation, defineQuery, type MutationCall } from "./operation.ts";
import { participantShape, participantView, participantsOf } from "./participant-view.ts";
import { authorities, everyone, hasAuthority, members, overseers } from "./role-sets.ts";

export const addParticipant = defineMutation({
  name: "add_participant",
  summary: "Adds an agent to a thread; what was broadcast before is unread to it.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/threads/:thread_id/participants" },
  roles: members,
  refusals: ["thread_not_found", "not_a_participant", "thread_closed"],
  idempotent: false,
  input: { thread_id: threadId, agent_id: agentId },
  output: { participant: participantShape },
  async handler({ caller, input, tx, workspace }) {
    const thread = await requireThread(tx, input.thread_id);
    if (!hasAuthority(caller.role) && thread.createdBy !== caller.agentId) {
      await requireMember(tx, input.thread_id, caller.agentId);
      throw new RouseError("forbidden", `only its creator, a coordinator or a person adds participants`, {
        nextStep: `Ask ${thread.createdBy} or a coordinator.`,
      });
    }
    await joinThread(tx, workspace, { threadId: input.thread_id, agentId: input.agent_id });
    const member = await requireMember(tx, input.thread_id, input.agent_id);
    const [participant] = await participantsOf(tx, [member]);
    if (participant === undefined) throw new RouseError("internal", `${input.agent_id} did not join`);
    return { participant };
  },
});

export const listParticipants = defineQuery({
  name: "list_participants",
  summary: "Participants of a thread, or of the whole workspace, with where their wakes stand.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/participants" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: {
    thread_id: threadId.optional().describe("Left out: all threads, for those with oversight."),
    attention: z
      .string()
      .regex(/^[A-Za-z]{1,32}$/)
      .optional()
      .describe("Only those in this state, for instance blocked. A page may then be short."),
    limit,
    cursor,
  },
  output: { participants: z.array(participantShape), ...page },
  async handler({ caller, input, store }) {
    const wanted = (view: { attention: string | null }) =>
      input.attention === undefined || view.attention === input.attention;
    const thread = input.thread_id;
    if (thread !== undefined) {
      const participants = await store.transaction(
        async (tx) => {
          await requireReadable(tx, caller, thread);
          return participantsOf(tx, await tx.listMembers(thread));
        },
        { readOnly: true },
      );
      return { participants: participants.filter(wanted), ...pageEnd(null) };
    }
    if (!overseers.includes(caller.role)) {
      throw new RouseError("forbidden", "without oversight participants are listed by thread", {
        nextStep: "Name a thread of yours in thread_id.",
      });
    }
    const { rows, next } = await store.listActors({ kind: "participant", ...pageQuery(input) });
    return { participants: rows.map(participantView).filter(wanted), ...pageEnd(next) };
  },
});

const decision = {
  refusals: [
    "thread_not_found",
    "not_a_participant",
    "reason_required",
    "transition_refused",
    "actor_quarantined",
  ],
  input: { thread_id: threadId, agent_id: agentId, reason: reason.optional().describe("Required: why.") },
  output: { participant: participantShape, previous_attention: z.string().nullable() },
} as const;
type Decision = MutationCall<{ thread_id: string; agent_id: string; reason?: string | undefined }>;

export const blockParticipant = defineMutation({
  name: "block_participant",
  summary: "Stops waking this participant until it is unblocked or reads by itself.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/threads/:thread_id/participants/:agent_id/block" },
  roles: authorities,
  idempotent: true,
  ...decision,
  handler: (call) => decide(call, "block.requested"),
});

export const unblockParticipant = defineMutation({
  name: "unblock_participant",
  summary: "Lifts a block, so that unread work wakes the participant again.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/threads/:thread_id/participants/:agent_id/unblock" },
  roles: authorities,
  idempotent: true,
  ...decision,
  handler: (call) => decide(call, "unblock.requested"),
});

export const overrideParticipant = defineMutation({
  name: "override_participant",
  summary:
    "Forces a wake past collision, rate and block guards; never past identity, dialogs and bare shells.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/threads/:thread_id/participants/:agent_id/override" },
  roles: authorities,
  idempotent: false,
  ...decision,
  handler: (call) => decide(call, "override.forced"),
});

async function decide(
  { caller, input, tx, workspace }: Decision,
  type: "block.requested" | "unblock.requested" | "override.forced",
) {
  const { thread_id: thread, agent_id: agent } = input;
  const why = requireReason(input.reason, type);
  const member = await requireMember(tx, thread, agent);
  requireOpen(await requireThread(tx, thread));
  const to = addresses.participant(thread, agent);
  const before = await tx.getActor(to);
  const event: ParticipantEvent = { type, ...authorityOf(caller, why) };
  const result = await workspace.engine.command(tx, { to, from: caller.agentId, event: { ...event } });
  const previous = before === null ? null : regionState(statesOf(before), "attention");
  if (!result.taken) {
    throw new RouseError(
      "transition_refused",
      `${agent} is ${String(previous)}; ${type} changes nothing there`,
      {
        nextStep: "Ask explain where the participant stands.",
        details: { from: previous, event: type },
      },
    );
  }
  const [participant] = await participantsOf(tx, [member]);
  if (participant === undefined) throw new RouseError("internal", `${to} vanished`);
  return { participant, previous_attention: previous };
}
