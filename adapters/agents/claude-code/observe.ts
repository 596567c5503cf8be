import { watch } from "node:fs";
import { delay, systemClock } from "../../../runtime/clock.ts";
import { descendsFrom } from "../../terminals/process-table.ts";
import type { RunningProgram, SourceReport } from "../kind.ts";
import { isAlive, readSessionFiles, type SessionFile, sessionsFolder } from "./session-files.ts";
import { findTranscript, findTurnFailure } from "./transcript.ts";

/** The net below lost notices of the file system. */
const relookMs = 5_000;
/** Why a turn failed is written a moment after the state. */
const afterNewsMs = 300;

/** Tells what the session file of the program says at each change and now and then, until `signal` ends. */
export async function observeSession(
  program: RunningProgram,
  configFolder: string,
  tell: (report: SourceReport) => void,
  signal: AbortSignal,
): Promise<void> {
  let former = "";
  while (!signal.aborted) {
    const news = listen(configFolder);
    try {
      const report = await readReport(program, configFolder);
      if (signal.aborted) return;
      tell(report);
      const isNew = former !== JSON.stringify(report);
      former = JSON.stringify(report);
      await delay(systemClock, isNew ? afterNewsMs : relookMs, AbortSignal.any([signal, news.signal]));
    } finally {
      news.stop();
    }
  }
}

/** From before the look on, so that no change falls between two of them. */
function listen(configFolder: string): { signal: AbortSignal; stop: () => void } {
  const news = new AbortController();
  try {
    const watcher = watch(sessionsFolder(configFolder), { persistent: false }, () => news.abort());
    watcher.on("error", () => news.abort());
    return { signal: news.signal, stop: () => watcher.close() };
  } catch {
    // Before its first start the program has no such folder.
    return { signal: news.signal, stop: () => {} };
  }
}

async function readReport(program: RunningProgram, configFolder: string): Promise<SourceReport> {
  const files = await readSessionFiles(configFolder);
  const own = files.find((file) => file !== null && isOf(program, file)) ?? null;
  if (own === null) return { source: "stateFile", activity: "unknown" };
  const told = { source: "stateFile", sessionId: own.sessionId } as const;
  if (own.status === "busy") return { ...told, activity: "busy" };
  if (own.status === "waiting") return { ...told, ...dialogOf(own) };
  if (own.status !== "idle") return { ...told, activity: "unknown" };
  return { ...told, ...(await standingOf(configFolder, own.sessionId)) };
}

/** The program in the terminal, or one that it runs. */
function isOf({ pid }: RunningProgram, file: SessionFile): boolean {
  return isAlive(file) === true && descendsFrom(file.pid, pid);
}

/** Menus that a person opened are `dialog open` too: which one it is, only the screen tells. */
function dialogOf({ waitingFor }: SessionFile): Pick<SourceReport, "activity" | "dialog"> {
  return waitingFor === "dialog open" ? { activity: "dialog" } : { activity: "dialog", dialog: "permission" };
}

/** A program that has hit a limit, or is not signed in, says it is idle. */
async function standingOf(
  configFolder: string,
  sessionId: string,
): Promise<Pick<SourceReport, "activity" | "dialog" | "limitedUntil">> {
  const transcript = await findTranscript(configFolder, sessionId);
  const failure = transcript === null ? null : await findTurnFailure(transcript);
  if (failure === null) return { activity: "idle" };
  if (failure.kind === "notSignedIn") return { activity: "dialog", dialog: "login" };
  return { activity: "limited", limitedUntil: failure.until };
}
