import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ThreadInput } from "../../machines/thread/events.ts";
import { agentId, caps, text, threadId, title } from "./fields.ts";
import { joinThread } from "./join-thread.ts";
import type { Caller } from "./caller.ts";
import { defineMutation } from "./operation.ts";
import { participantShape, participantsOf } from "./participant-view.ts";
import { members } from "./role-sets.ts";
import { requireThread } from "./access.ts";
import { threadShape, threadView } from "./thread-view.ts";

export const createThread = defineMutation({
  name: "create_thread",
  summary: "Opens a thread for several agents and makes them its participants.",
  guidance: "You become a participant yourself. Agents that never reported may be named too.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/threads" },
  roles: members,
  refusals: ["already_exists"],
  idempotent: false,
  input: {
    title,
    type: text(40)
      .regex(/^[a-z0-9-]+$/, "must be a-z, 0-9 and -")
      .optional()
      .describe("For instance review. Default: discussion."),
    participants: z.array(agentId).max(caps.participants).optional().describe("Agents besides yourself."),
    thread_id: threadId.optional().describe("Chosen by you, or generated."),
  },
  output: { thread: threadShape, participants: z.array(participantShape) },
  async handler({ caller, input, tx, workspace }) {
    const id = input.thread_id ?? `th-${workspace.ids.next().slice(0, 12)}`;
    const thread = {
      threadId: id,
      title: input.title,
      type: input.type ?? "discussion",
      createdBy: caller.agentId,
      status: "active",
      statusReason: "",
      statusBy: caller.agentId,
    } as const;
    await tx.insertThread(thread);
    const machineInput: ThreadInput = {
      threadId: id,
      createdBy: caller.agentId,
      policy: workspace.policies.thread,
    };
    await workspace.engine.create(tx, { kind: "thread", address: addresses.thread(id), input: machineInput });
    for (const agent of firstMembers(caller, input.participants ?? [])) {
      await joinThread(tx, workspace, { threadId: id, agentId: agent });
    }
    const participants = await participantsOf(tx, await tx.listMembers(id));
    return { thread: threadView(await requireThread(tx, id)), participants };
  },
});

/** A person looks on from outside: only who can be woken needs a participant actor. In one order, so that writers never cross. */
function firstMembers(caller: Caller, named: readonly string[]): string[] {
  const own = caller.role === "operator" ? [] : [caller.agentId];
  return [...new Set([...own, ...named])].toSorted();
}
