import type { DeliverWakeOutput, DeliveryEvidence } from "../../../machines/participant/ports.ts";
import { delay } from "../../../runtime/clock.ts";
import type { RunningProgram, WakeChannel } from "../kind.ts";
import { OpencodeRefusal, OpencodeServer, type SessionInfo } from "./server.ts";
import { sessionPattern } from "./sessions.ts";
import { handIn, type WakeMessage, wakeMessage } from "./wake-message.ts";

const recordedWithinMs = 5_000;
const lookEveryMs = 50;

type Wake = Parameters<WakeChannel["deliver"]>[1];
type Io = Parameters<WakeChannel["deliver"]>[2];

/**
 * The program's own server takes a prompt for a session; a draft stays as it is. The message has the id of the wake, so
 * that a repeated one is the same message: its presence in the session is the proof, and it is there once.
 */
export const opencodePrompt: WakeChannel = {
  name: "opencode-prompt",
  async probe({ pid }, signal) {
    const server = OpencodeServer.of(pid);
    if (server === null) return { usable: false, why: "its server does not listen" };
    await server.statuses(signal);
    return { usable: true };
  },
  async deliver(program, wake, io): Promise<DeliverWakeOutput> {
    const server = OpencodeServer.of(program.pid);
    if (server === null) throw new Error("its server does not listen");
    const session =
      (await findSession(server, program, io.signal)) ?? (await findTaken(server, wake, io.signal));
    await io.beforeFirstByte();
    const firstByteAt = io.clock.now();
    const submittedTo = await submit(server, session, wake, io).catch(refusal);
    if (submittedTo === null) return { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null };
    const evidence: DeliveryEvidence = {
      ...{ channel: "opencode-prompt", bytes: Buffer.byteLength(wake.text), firstByteAt },
      ...{ submittedAt: io.clock.now(), turnStartedAt: null },
    };
    if (!(await isRecorded(server, submittedTo, wake, io))) return { verdict: "unconfirmed", evidence };
    return { verdict: "delivered", evidence: { ...evidence, turnStartedAt: io.clock.now() } };
  },
};

async function findSession(
  server: OpencodeServer,
  { sessionId }: RunningProgram,
  signal: AbortSignal,
): Promise<SessionInfo | null> {
  if (sessionId === null || !sessionPattern.test(sessionId)) return null;
  return server.findSession(sessionId, signal);
}

/** Where an attempt that died left the wake, in a session that nobody had heard of yet. */
async function findTaken(
  server: OpencodeServer,
  wake: Wake,
  signal: AbortSignal,
): Promise<SessionInfo | null> {
  for (const session of await server.newestSessions(signal)) {
    if ((await server.findMessage(session.id, messageOf(wake).messageID, signal)) !== null) return session;
  }
  return null;
}

/** A program that nobody has spoken to has no session yet: then one is made, and shown. */
async function submit(
  server: OpencodeServer,
  session: SessionInfo | null,
  wake: Wake,
  { signal }: Io,
): Promise<string> {
  const target = session ?? (await server.createSession(signal));
  await handIn(server, target, messageOf(wake), signal);
  // Whether it is seen is not what matters.
  if (session === null) await server.showSession(target.id, signal).catch(() => {});
  return target.id;
}

function messageOf({ wakeId, text }: Wake): WakeMessage {
  return wakeMessage(wakeId, text);
}

/** Null for a clear no. */
function refusal(error: unknown): null {
  if (error instanceof OpencodeRefusal && error.status < 500) return null;
  throw error;
}

async function isRecorded(server: OpencodeServer, sessionId: string, wake: Wake, io: Io): Promise<boolean> {
  const deadline = io.clock.now() + recordedWithinMs;
  for (;;) {
    if ((await server.findMessage(sessionId, messageOf(wake).messageID, io.signal)) !== null) return true;
    if (io.clock.now() >= deadline) return false;
    await delay(io.clock, lookEveryMs, io.signal);
    io.signal.throwIfAborted();
  }
}
