import { topics } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { PortCall } from "../../runtime/ports.ts";

interface ToldSession {
  agentId: string;
  host: string;
  sessionId: string;
  resumable: boolean;
}

/** Records a session that a running program told itself. A sign of life, but no acknowledgement of a wake: nobody has read. */
export async function noteToldSession<Input>(
  call: PortCall<Input>,
  { agentId, host, sessionId, resumable }: ToldSession,
): Promise<void> {
  await call.transaction(async (tx) => {
    const agent = await tx.recordHeartbeat({ agentId, session: { sessionId, host, resumable } });
    const { session, definition } = agent;
    const spawnHost = definition === null ? null : agent.host;
    const news: ParticipantEvent = { type: "agent.reported", agent: { session, spawnHost } };
    await tx.publish({ topic: topics.agent(agentId), from: agentId, event: { ...news } });
  });
  await call.report({ type: "heartbeat.received", sessionId });
}
