import { addresses } from "../../machines/mail.ts";
import type { ThreadStatus } from "../../machines/participant/contract.ts";
import type { ThreadEvent } from "../../machines/thread/events.ts";
import type { Thread } from "../../runtime/domain.ts";
import { RouseError } from "../../runtime/errors.ts";
import { requireActing, requireReason, requireThread } from "./access.ts";
import { authorityOf } from "./authority.ts";
import { reason, threadId, threadStatus } from "./fields.ts";
import type { Caller } from "./caller.ts";
import { defineMutation } from "./operation.ts";
import { members } from "./role-sets.ts";
import { threadShape, threadView } from "./thread-view.ts";

export const updateThreadStatus = defineMutation({
  name: "update_thread_status",
  summary: "Blocks, resolves, closes or reopens a thread, as far as your role and its present status allow.",
  guidance:
    "Members resolve or block an active thread and reopen or close a resolved one. Closing an active or blocked one, and unblocking, takes a coordinator or a person.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/threads/:thread_id/status" },
  roles: members,
  refusals: [
    "thread_not_found",
    "not_a_participant",
    "reason_required",
    "transition_refused",
    "actor_quarantined",
  ],
  idempotent: false,
  input: {
    thread_id: threadId,
    status: threadStatus.describe("The status it shall have."),
    reason: reason.optional().describe("Required for everything but resolving an active thread."),
  },
  output: { thread: threadShape, previous_status: threadStatus },
  async handler({ caller, input, tx, workspace }) {
    await requireActing(tx, caller, input.thread_id);
    const thread = await requireThread(tx, input.thread_id);
    const result = await workspace.engine.command(tx, {
      to: addresses.thread(thread.threadId),
      from: caller.agentId,
      event: { ...request(thread, caller, input) },
    });
    const changed = await requireThread(tx, thread.threadId);
    if (!result.taken || changed.status === thread.status) throw refused(thread, input.status, caller);
    return { thread: threadView(changed), previous_status: thread.status };
  },
});

function request(
  thread: Thread,
  caller: Caller,
  input: { status: ThreadStatus; reason?: string | undefined },
): ThreadEvent {
  const type = requestType(thread.status, input.status);
  const isPlainResolve = type === "resolve.requested" && thread.status === "active";
  const why = isPlainResolve
    ? (input.reason ?? "")
    : requireReason(input.reason, `changing to ${input.status}`);
  return { type, ...authorityOf(caller, why) };
}

function requestType(from: ThreadStatus, to: ThreadStatus) {
  switch (to) {
    case "blocked":
      return "block.requested";
    case "resolved":
      return "resolve.requested";
    case "closed":
      return "close.requested";
    case "active":
      return from === "blocked" ? "unblock.requested" : "reopen.requested";
  }
}

function refused({ threadId: id, status: from }: Thread, to: ThreadStatus, { role }: Caller): RouseError {
  return new RouseError("transition_refused", `thread ${id} is ${from}; role ${role} may not make it ${to}`, {
    nextStep:
      from === to
        ? "Nothing is to do: it has that status."
        : "Read the thread; a coordinator or a person may do more.",
    details: { from, to, role },
  });
}
