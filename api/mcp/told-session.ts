import { addresses } from "../../machines/mail.ts";
import { z } from "zod";
import { sessionId } from "../operations/fields.ts";
import { heartbeatSession } from "../operations/heartbeat.ts";
import { runOperation } from "../operations/run-operation.ts";
import type { Workspace } from "../operations/operation.ts";
import type { McpRequest } from "./request.ts";

/** Codex names its thread in every call. A thread of a sub-agent, which nobody resumes, differs from its session. */
const codexMeta = z
  .looseObject({ threadId: sessionId, sessionId: z.string().optional() })
  .refine((meta) => meta.sessionId === undefined || meta.sessionId === meta.threadId);

/** By the session of the token: what was noted last. */
const noted = new WeakMap<Workspace, Map<string, string>>();
const notedAtMost = 10_000;

/**
 * The session that a call's `_meta` tells counts like a heartbeat that names it, once. Only of a program that we launched:
 * any other may run where this host cannot resume it.
 */
export async function noteToldSession(request: McpRequest, meta: unknown): Promise<void> {
  const { caller, workspace, requestId } = request;
  const told = codexMeta.safeParse(meta);
  if (!told.success || told.data.threadId === caller.sessionId) return;
  const { threadId } = told.data;
  const known = notedIn(workspace);
  if (known.get(caller.sessionId) === threadId) return;
  const runtime = await workspace.engine.store.getActor(addresses.runtime(caller.sessionId));
  if (runtime?.subject === caller.agentId && heartbeatSession.roles.includes(caller.role)) {
    const input = { session_id: threadId };
    await runOperation({ operation: heartbeatSession, caller, workspace, input, requestId });
  }
  if (known.size >= notedAtMost) known.clear();
  known.set(caller.sessionId, threadId);
}

function notedIn(workspace: Workspace): Map<string, string> {
  const known = noted.get(workspace) ?? new Map<string, string>();
  noted.set(workspace, known);
  return known;
}
