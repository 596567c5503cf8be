import { z } from "zod";
import type { DeliverWakeOutput, DeliveryEvidence } from "../../../machines/participant/ports.ts";
import { delay } from "../../../runtime/clock.ts";
import { descendsFrom } from "../../terminals/process-table.ts";
import type { RunningProgram, WakeChannel } from "../kind.ts";
import { type CallCodex, CodexRefusal, withAppServer } from "./app-server.ts";
import type { CodexDefinition } from "./definition.ts";
import { codexEnvironment, codexHomeOf, sessionPattern } from "./home.ts";
import { findRollout, type RolloutEvent, RolloutReader } from "./rollout.ts";
import { sessionWrittenBy, writerOf } from "./writer-lock.ts";

/** A living Codex looks into its queue every ten seconds, as measured. */
const takenWithinMs = 11_000;
/** For one that was taken while we took it back. */
const recordedWithinMs = 2_000;
const lookEveryMs = 100;

const added = z.looseObject({ queuedSubmission: z.looseObject({ id: z.string() }) });
const deleted = z.looseObject({ deleted: z.boolean() });

type Wake = Parameters<WakeChannel["deliver"]>[1];
type Io = Parameters<WakeChannel["deliver"]>[2];

/**
 * Codex's own queue of a session: a draft stays as it is, and a turn that runs is not disturbed. What is put there stays
 * there, also for a session that nobody has open, and a turn that a person broke off stalls it: so the proof is the
 * session's own record, and what is not taken is taken back.
 */
export function codexQueue(definition: CodexDefinition): WakeChannel {
  const target = (program: RunningProgram) => findTarget(codexHomeOf(definition, program.folder), program);
  return {
    name: "codex-queue",
    async probe(program) {
      const found = await target(program);
      return typeof found === "string" ? { usable: false, why: found } : { usable: true };
    },
    async deliver(program, wake, io) {
      const found = await target(program);
      if (typeof found === "string") throw new Error(found);
      const env = codexEnvironment(definition, found.codexHome);
      return withAppServer(definition.command, env, io.signal, (call) => enqueue(call, found, wake, io));
    },
  };
}

interface Target {
  codexHome: string;
  threadId: string;
  rollout: RolloutReader;
  isBusy: boolean;
}

/** Or why there is none. */
async function findTarget(codexHome: string, { sessionId, pid }: RunningProgram): Promise<Target | string> {
  const threadId = sessionId ?? (await sessionWrittenBy(codexHome, pid).catch(() => null));
  if (threadId === null || !sessionPattern.test(threadId)) return "its session is not known";
  const writer = await writerOf(codexHome, threadId).catch(() => null);
  if (writer === null || !descendsFrom(writer, pid)) return "it does not have the session open";
  const path = await findRollout(codexHome, threadId);
  if (path === null) return "the session has had no turn";
  const rollout = await RolloutReader.nearEnd(path);
  const last = (await rollout.next()).findLast(({ type }) => type !== "userMessage");
  if (last?.type === "turnEnded" && last.stalled)
    return "its last turn was broken off, which stalls the queue";
  return { codexHome, threadId, rollout, isBusy: last?.type === "turnStarted" };
}

async function enqueue(
  call: CallCodex,
  target: Target,
  { wakeId, text }: Wake,
  io: Io,
): Promise<DeliverWakeOutput> {
  const { threadId, isBusy } = target;
  await io.beforeFirstByte();
  const evidence: DeliveryEvidence = {
    ...{ channel: "codex-queue", bytes: Buffer.byteLength(text) },
    ...{ firstByteAt: io.clock.now(), submittedAt: null, turnStartedAt: null },
  };
  const input = [{ type: "text", text, text_elements: [] }];
  const answer = await call("thread/queue/add", { threadId, clientUserMessageId: wakeId, input }).catch(
    refusal,
  );
  if (answer === null) return nothingReached;
  const { queuedSubmission } = added.parse(answer);
  evidence.submittedAt = io.clock.now();
  // Only an operator's override comes this far; after the turn it is taken.
  if (isBusy) return { verdict: "unconfirmed", evidence };
  if (await isTaken(target, wakeId, takenWithinMs, io)) return started(evidence, io);
  const withdrawal = { threadId, queuedSubmissionId: queuedSubmission.id };
  const result = deleted.parse(await call("thread/queue/delete", withdrawal));
  if (result.deleted) return nothingReached;
  const isLate = await isTaken(target, wakeId, recordedWithinMs, io);
  return isLate ? started(evidence, io) : { verdict: "unconfirmed", evidence };
}

const nothingReached = { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null } as const;

/** Null for a clear no. */
function refusal(error: unknown): null {
  if (error instanceof CodexRefusal) return null;
  throw error;
}

function started(evidence: DeliveryEvidence, { clock }: Io): DeliverWakeOutput {
  return { verdict: "delivered", evidence: { ...evidence, turnStartedAt: clock.now() } };
}

/** Whether the session's record shows the line as a message of its user. */
async function isTaken(
  { rollout }: Target,
  wakeId: string,
  withinMs: number,
  { clock, signal }: Io,
): Promise<boolean> {
  const isOurs = (event: RolloutEvent): boolean => event.type === "userMessage" && event.clientId === wakeId;
  const deadline = clock.now() + withinMs;
  for (;;) {
    if ((await rollout.next()).some(isOurs)) return true;
    if (clock.now() >= deadline) return false;
    await delay(clock, lookEveryMs, signal);
    signal.throwIfAborted();
  }
}
