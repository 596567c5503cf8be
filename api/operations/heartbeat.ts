import { z } from "zod";
import { addresses, topics } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { RuntimeContext, RuntimeEvent } from "../../machines/runtime/events.ts";
import type { AgentSession } from "../../runtime/domain.ts";
import type { StoredActor, Transaction } from "../../runtime/store.ts";
import { snapshotIn } from "../../runtime/stored-snapshot.ts";
import { runtimeContext } from "./actor-view.ts";
import { agentFacts } from "../../runtime/agent-facts.ts";
import { hostName, iso, sessionId, timestamp } from "./fields.ts";
import type { Caller } from "./caller.ts";
import { defineMutation } from "./operation.ts";
import { members } from "./role-sets.ts";

export const heartbeatSession = defineMutation({
  name: "heartbeat_session",
  summary: "Says that you are alive and, if you know it, which session of yours can be resumed.",
  guidance: "Call it when you start and when you were woken.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/heartbeat" },
  roles: members,
  idempotent: true,
  input: {
    session_id: sessionId.optional(),
    host: hostName.optional().describe("Where the session can be resumed. Default: this host."),
    resumable: z.boolean().optional().describe("Whether the session can be resumed. Default: true."),
  },
  output: {
    agent_id: z.string(),
    received_at: timestamp,
    runtime_id: z.string().nullable().describe("The managed runtime that the session belongs to."),
  },
  async handler({ caller, input, tx, workspace, noteChange }) {
    const runtime = ownRuntime(await livingRuntimes(tx, caller.agentId), caller, input.session_id);
    const host = input.host ?? runtime?.host ?? workspace.host;
    const session =
      input.session_id === undefined
        ? null
        : { sessionId: input.session_id, host, resumable: input.resumable ?? true };
    const before = await beat(tx, caller.agentId, session);
    if (session !== null) {
      const change = { before: sessionText(before), after: sessionText(session) };
      noteChange(`agent/${caller.agentId} session`, change);
    }
    if (runtime !== null) {
      const event: RuntimeEvent = { type: "heartbeat.received", sessionId: session?.sessionId ?? null };
      await tx.send([
        { to: addresses.runtime(runtime.runtimeId), from: caller.agentId, event: { ...event } },
      ]);
    }
    return { agent_id: caller.agentId, received_at: iso(tx.now), runtime_id: runtime?.runtimeId ?? null };
  },
});

function sessionText(session: AgentSession | null): string | null {
  if (session === null) return null;
  const { sessionId: id, host, resumable } = session;
  return `${id} at ${host}${resumable ? "" : ", not resumable"}`;
}

/** Returns the session that was known before. */
async function beat(
  tx: Transaction,
  agentId: string,
  session: AgentSession | null,
): Promise<AgentSession | null> {
  const before = await tx.getAgent(agentId);
  const agent = await tx.recordHeartbeat({ agentId, session });
  const heard: ParticipantEvent = {
    type: "heartbeat.received",
    sessionId: session?.sessionId ?? null,
    host: session?.host ?? null,
    resumable: session?.resumable ?? false,
    at: tx.now,
  };
  const topic = topics.agent(agentId);
  await tx.publish({ topic, from: agentId, event: { ...heard } });
  const earlier = before?.session ?? null;
  if (session === null || isSame(earlier, session)) return earlier;
  const { session: known, spawnHost } = agentFacts(agent, []);
  const news: ParticipantEvent = { type: "agent.reported", agent: { session: known, spawnHost } };
  await tx.publish({ topic, from: agentId, event: { ...news } });
  return earlier;
}

function isSame(one: AgentSession | null, other: AgentSession): boolean {
  return one?.sessionId === other.sessionId && one.host === other.host && one.resumable === other.resumable;
}

async function livingRuntimes(tx: Transaction, agentId: string): Promise<RuntimeContext[]> {
  const actors: StoredActor[] = await tx.listActorsBySubject({ kind: "runtime", subject: agentId });
  return actors
    .filter((actor) => actor.status === "active" && snapshotIn(actor) !== null)
    .map((actor) => runtimeContext(actor));
}

/** By the token's session, else by the reported one, else the only one whose session is not known yet. */
function ownRuntime(
  runtimes: readonly RuntimeContext[],
  caller: Caller,
  reported: string | undefined,
): RuntimeContext | null {
  const byToken = runtimes.find(
    ({ runtimeId, sessionId: known }) => runtimeId === caller.sessionId || known === caller.sessionId,
  );
  const byReport = runtimes.find(({ sessionId: known }) => known !== null && known === reported);
  const unnamed = runtimes.filter(({ sessionId: known }) => known === null);
  return byToken ?? byReport ?? (unnamed.length === 1 ? (unnamed[0] ?? null) : null);
}
