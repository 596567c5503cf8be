import type { Socket } from "node:net";
import type { DeliverWakeOutput, DeliveryEvidence } from "../../../machines/participant/ports.ts";
import { delay } from "../../../runtime/clock.ts";
import type { RunningProgram, WakeChannel } from "../kind.ts";
import { readWakes } from "./journal.ts";
import { journalPathOf, socketPathOf } from "./place.ts";
import { askHost, hear, hostMessage, openHost, sayTo, type WakeVerdict } from "./protocol.ts";

const answersWithinMs = 5_000;
/** A model may think for longer before it gives a sign; then the agent's reading decides. */
const startsWithinMs = 10_000;
/** From our last look to the host's. */
const handedOverWithinMs = 5_000;

type Wake = Parameters<WakeChannel["deliver"]>[1];
type Io = Parameters<WakeChannel["deliver"]>[2];

/** Hands the wake to the host, which prompts the agent with it: nobody's draft is touched. */
export const acpPrompt: WakeChannel = {
  name: "acp-prompt",
  async probe({ folder, runtimeId }, signal) {
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)]);
    const answer = await askHost(socketPathOf(folder, runtimeId), { op: "hello" }, bounded).catch(() => null);
    if (answer === null || !("state" in answer)) return { usable: false, why: "its host does not answer" };
    return answer.state.isOpen ? { usable: true } : { usable: false, why: "its session is not open" };
  },
  async deliver(program, wake, io) {
    const socket = await openHost(socketPathOf(program.folder, program.runtimeId));
    try {
      await io.beforeFirstByte();
      return await handOver(socket, program, wake, io);
    } finally {
      socket.destroy();
    }
  },
};

async function handOver(
  socket: Socket,
  program: RunningProgram,
  { wakeId, text }: Wake,
  io: Io,
): Promise<DeliverWakeOutput> {
  const firstByteAt = io.clock.now();
  const verdict = verdictOn(socket, io);
  sayTo(socket, { op: "wake", wakeId, text, expiresAt: Date.now() + handedOverWithinMs });
  const told = await verdict;
  if (told === "refused") return { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null };
  const now = io.clock.now();
  const evidence: DeliveryEvidence = {
    ...{ channel: acpPrompt.name, bytes: Buffer.byteLength(text), firstByteAt },
    ...{ submittedAt: told === null ? null : now, turnStartedAt: told === "started" ? now : null },
  };
  if (told === "started") return { verdict: "delivered", evidence };
  return told === "queued" ? { verdict: "unconfirmed", evidence } : byJournal(program, wakeId, evidence);
}

/** The host's own record, where it did not answer in time or died meanwhile. */
function byJournal(
  { folder }: RunningProgram,
  wakeId: string,
  evidence: DeliveryEvidence,
): DeliverWakeOutput {
  const since = evidence.firstByteAt ?? 0;
  const noted = readWakes(journalPathOf(folder)).filter((each) => each.wakeId === wakeId && each.at >= since);
  const submittedAt = noted.find(({ event }) => event === "sent")?.at ?? null;
  const turnStartedAt = noted.find(({ event }) => event === "started")?.at ?? null;
  const verdict = turnStartedAt === null ? "unconfirmed" : "delivered";
  return { verdict, evidence: { ...evidence, submittedAt, turnStartedAt } };
}

async function verdictOn(socket: Socket, { clock, signal }: Io): Promise<WakeVerdict | null> {
  const done = new AbortController();
  let verdict: WakeVerdict | null = null;
  hear(socket, hostMessage, (message) => {
    if ("wake" in message) verdict = message.wake;
    done.abort();
  });
  for (const end of ["error", "close"]) socket.on(end, () => done.abort());
  await delay(clock, startsWithinMs, AbortSignal.any([signal, done.signal]));
  return verdict;
}
