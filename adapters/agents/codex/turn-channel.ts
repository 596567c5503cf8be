import { z } from "zod";
import type { DeliverWakeOutput, DeliveryEvidence } from "../../../machines/participant/ports.ts";
import { delay } from "../../../runtime/clock.ts";
import { descendsFrom } from "../../terminals/process-table.ts";
import { RpcRefusal } from "../json-rpc.ts";
import type { RunningProgram, WakeChannel } from "../kind.ts";
import { type CallCodex, withAppServer } from "./app-server.ts";
import type { CodexDefinition } from "./definition.ts";
import { appServerSocket, codexHomeOf, sessionPattern } from "./home.ts";
import { findRollout, RolloutReader } from "./rollout.ts";
import { sessionWrittenBy, writerOf } from "./writer-lock.ts";

/** Within this a turn that began stands in the session's record, on a busy machine too. */
const recordedWithinMs = 5_000;
const lookEveryMs = 50;

const threadRead = z.looseObject({
  thread: z.looseObject({ status: z.looseObject({ type: z.string() }) }),
});

type Wake = Parameters<WakeChannel["deliver"]>[1];
type Io = Parameters<WakeChannel["deliver"]>[2];

/**
 * Begins a turn in the session that the agent's terminal shows: a draft stays as it is, and it works at once, before the
 * first turn and after one that a person broke off, too. The proof is the session's own record, which names the wake.
 */
export function codexTurns(definition: CodexDefinition): WakeChannel {
  const target = (program: RunningProgram) => findTarget(codexHomeOf(definition, program.folder), program);
  return {
    name: "codex-app-server",
    async probe(program, signal) {
      const found = await target(program);
      if (typeof found === "string") return { usable: false, why: found };
      return withAppServer(found.socketPath, signal, (call) => readStatus(call, found)).then(
        () => ({ usable: true }) as const,
        () => ({ usable: false, why: "its app-server does not answer" }) as const,
      );
    },
    async deliver(program, wake, io) {
      const found = await target(program);
      if (typeof found === "string") throw new Error(found);
      return withAppServer(found.socketPath, io.signal, (call) => startTurn(call, found, wake, io));
    },
  };
}

interface Target {
  codexHome: string;
  threadId: string;
  socketPath: string;
}

/** Or why there is none. */
async function findTarget(
  codexHome: string,
  { sessionId, pid, folder, runtimeId }: RunningProgram,
): Promise<Target | string> {
  const threadId = sessionId ?? (await sessionWrittenBy(codexHome, pid).catch(() => null));
  if (threadId === null || !sessionPattern.test(threadId)) return "its session is not known";
  const writer = await writerOf(codexHome, threadId).catch(() => null);
  if (writer === null || !descendsFrom(writer, pid)) return "it does not have the session open";
  return { codexHome, threadId, socketPath: appServerSocket(folder, runtimeId) };
}

async function readStatus(call: CallCodex, { threadId }: Target): Promise<string> {
  return threadRead.parse(await call("thread/read", { threadId })).thread.status.type;
}

async function startTurn(
  call: CallCodex,
  target: Target,
  { wakeId, text }: Wake,
  io: Io,
): Promise<DeliverWakeOutput> {
  const { threadId } = target;
  // What is begun in a turn that runs would be thrown into it.
  if ((await readStatus(call, target)) !== "idle") return nothingReached("agentBusy");
  const record = new SessionRecord(target);
  await record.skipToEnd();
  await io.beforeFirstByte();
  const evidence: DeliveryEvidence = {
    ...{ channel: "codex-app-server", bytes: Buffer.byteLength(text) },
    ...{ firstByteAt: io.clock.now(), submittedAt: null, turnStartedAt: null },
  };
  const input = [{ type: "text", text, text_elements: [] }];
  const answer = await call("turn/start", { threadId, clientUserMessageId: wakeId, input }).catch(
    (error: unknown) => (error instanceof RpcRefusal ? "refused" : "unknown"),
  );
  if (answer === "refused") return nothingReached("stateUnknown");
  if (answer !== "unknown") evidence.submittedAt = io.clock.now();
  if (!(await record.names(wakeId, io))) return { verdict: "unconfirmed", evidence };
  const now = io.clock.now();
  evidence.submittedAt ??= now;
  return { verdict: "delivered", evidence: { ...evidence, turnStartedAt: now } };
}

function nothingReached(reason: "agentBusy" | "stateUnknown"): DeliverWakeOutput {
  return { verdict: "deferred", reason, retryAfterMs: null };
}

/** What is appended to a session's record, which comes into being with its first turn. */
class SessionRecord {
  readonly #target: Target;
  #reader: RolloutReader | null = null;

  constructor(target: Target) {
    this.#target = target;
  }

  async skipToEnd(): Promise<void> {
    const path = await this.#find();
    this.#reader = path === null ? null : await RolloutReader.nearEnd(path);
    await this.#reader?.next();
  }

  /** Whether it shows, within a bound, a message of its user that we handed in under this name. */
  async names(wakeId: string, { clock, signal }: Io): Promise<boolean> {
    const deadline = clock.now() + recordedWithinMs;
    for (;;) {
      if (await this.#hasNext(wakeId)) return true;
      if (clock.now() >= deadline) return false;
      await delay(clock, lookEveryMs, signal);
      signal.throwIfAborted();
    }
  }

  async #hasNext(wakeId: string): Promise<boolean> {
    if (this.#reader === null) {
      const path = await this.#find();
      this.#reader = path === null ? null : new RolloutReader(path, 0);
    }
    const events = (await this.#reader?.next()) ?? [];
    return events.some((event) => event.type === "userMessage" && event.clientId === wakeId);
  }

  #find(): Promise<string | null> {
    return findRollout(this.#target.codexHome, this.#target.threadId);
  }
}
