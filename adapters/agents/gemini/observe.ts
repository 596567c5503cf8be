import { watch } from "node:fs";
import { isDeepStrictEqual } from "node:util";
import { systemClock } from "../../../runtime/clock.ts";
import { Bell } from "../../terminals/bell.ts";
import { descendsFrom } from "../../terminals/process-table.ts";
import type { RunningProgram, SourceReport } from "../kind.ts";
import { filesIn, readProcessFiles } from "./process-files.ts";
import { findRecord, findTurnFailure } from "./session-record.ts";

/** The net below lost notices of the file system. */
const relookMs = 5_000;

/** Tells what the hooks noted of the program, and why its last turn failed if it did, until `signal` ends. */
export async function observeGemini(
  home: string,
  program: RunningProgram,
  tell: (report: SourceReport) => void,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell(systemClock);
  // Without a listener its failure would end the process; looking now and then goes on.
  const watcher = watch(filesIn(home).processes, { persistent: false }, () => bell.ring());
  watcher.on("error", () => bell.ring());
  let former: SourceReport | null = null;
  try {
    while (!signal.aborted) {
      const report = await readReport(home, program);
      // A limit lasts, whatever the screen looks like; of the rest an old word must not outlive its screen.
      const isLasting = report.activity === "limited" || report.activity === "dialog";
      if (isLasting || !isDeepStrictEqual(report, former)) tell(report);
      former = report;
      await bell.rungWithin(relookMs, signal);
    }
  } finally {
    watcher.close();
  }
}

async function readReport(home: string, { pid }: RunningProgram): Promise<SourceReport> {
  const files = await readProcessFiles(home);
  const own = files.find((file) => file.isAlive && descendsFrom(file.pid, pid));
  // Its box is there before it has begun to connect its servers; a line that it takes then may run without our tools.
  if (own === undefined) return { source: "hook", activity: "busy" };
  const told = { source: "hook", sessionId: own.sessionId } as const;
  // Whether it takes a line already, only the screen tells.
  if (own.event === "started") return { ...told, activity: "unknown" };
  if (own.event === "busy") return { ...told, activity: "busy" };
  return { ...told, ...(await standingOf(home, own.sessionId)) };
}

/** A program that has hit a limit, or whose key is refused, shows an empty box. */
async function standingOf(
  home: string,
  sessionId: string,
): Promise<Pick<SourceReport, "activity" | "dialog" | "limitedUntil">> {
  const record = findRecord(home, sessionId);
  const failure = record === null ? null : await findTurnFailure(record);
  if (failure === null) return { activity: "idle" };
  if (failure.kind === "notSignedIn") return { activity: "dialog", dialog: "login" };
  return { activity: "limited", limitedUntil: failure.until };
}
