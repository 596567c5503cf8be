import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunningProgram, SourceReport } from "../kind.ts";
import { orWhenMissing } from "../when-missing.ts";
import { socketPathOf } from "./place.ts";
import { askHost, hear, hostMessage, openHost, sayTo } from "./protocol.ts";

/** Tells what the host says it does, until `signal` ends. Throws when the host does not listen (any more). */
export async function observeHost(
  { folder, runtimeId }: RunningProgram,
  tell: (report: SourceReport) => void,
  signal: AbortSignal,
): Promise<void> {
  const socket = await openHost(socketPathOf(folder, runtimeId));
  const stop = (): void => void socket.destroy();
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  try {
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("close", () => (signal.aborted ? resolve() : reject(new Error("the host ended"))));
      hear(socket, hostMessage, (message) => {
        if (!("state" in message)) return;
        const { activity, dialog, limitedUntil, sessionId, canResume } = message.state;
        tell({
          ...{ source: "events", activity },
          ...(dialog === undefined ? {} : { dialog }),
          ...(limitedUntil === undefined ? {} : { limitedUntil }),
          // One that cannot come back is of no use to anybody else.
          ...(sessionId === null || !canResume ? {} : { sessionId }),
        });
      });
      sayTo(socket, { op: "watch" });
    });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const answersWithinMs = 2_000;

/** Whether a living host of the agent has the session open; null when one does not answer. */
export async function isSessionOpen(folder: string, sessionId: string): Promise<boolean | null> {
  const names = await readdir(folder).catch(orWhenMissing<string[]>([]));
  const sockets = names.filter((name) => name.endsWith(".sock")).map((name) => join(folder, name));
  const answers = await Promise.all(sockets.map((path) => isOpenAt(path, sessionId)));
  if (answers.includes(true)) return true;
  return answers.includes(null) ? null : false;
}

async function isOpenAt(socketPath: string, sessionId: string): Promise<boolean | null> {
  const signal = AbortSignal.timeout(answersWithinMs);
  try {
    const answer = await askHost(socketPath, { op: "hello" }, signal);
    return answer !== null && "state" in answer ? answer.state.sessionId === sessionId : null;
  } catch {
    // A host that was killed leaves its socket behind.
    return false;
  }
}
