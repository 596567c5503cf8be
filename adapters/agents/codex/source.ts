import { watch, type FSWatcher } from "node:fs";
import { systemClock } from "../../../runtime/clock.ts";
import { Bell } from "../../terminals/bell.ts";
import type { RunningProgram, SourceReport } from "../kind.ts";
import { findRollout, type RolloutEvent, RolloutReader } from "./rollout.ts";
import { sessionWrittenBy } from "./writer-lock.ts";

/** The net below lost notices, and how soon a new session is seen. */
const relookMs = 1_000;

/** Tells of turns as they stand in the session's record, from the session's lock on. */
export async function observeCodex(
  codexHome: string,
  { pid }: RunningProgram,
  tell: (report: SourceReport) => void,
  signal: AbortSignal,
): Promise<void> {
  const bell = new Bell(systemClock);
  let session: WatchedSession | null = null;
  try {
    while (!signal.aborted) {
      const sessionId = await sessionWrittenBy(codexHome, pid);
      if (sessionId !== null && sessionId !== session?.sessionId) {
        session?.close();
        session = new WatchedSession(codexHome, sessionId, () => bell.ring());
        tell({ source: "events", activity: "unknown", sessionId });
      }
      const standing = await session?.look();
      if (standing !== undefined && standing !== null)
        tell({ source: "events", ...standing, ...(sessionId === null ? {} : { sessionId }) });
      await bell.rungWithin(relookMs, signal);
    }
  } finally {
    session?.close();
  }
}

class WatchedSession {
  readonly sessionId: string;
  readonly #codexHome: string;
  readonly #onChange: () => void;
  #rollout: RolloutReader | null = null;
  #watcher: FSWatcher | null = null;

  constructor(codexHome: string, sessionId: string, onChange: () => void) {
    this.#codexHome = codexHome;
    this.sessionId = sessionId;
    this.#onChange = onChange;
  }

  /** Where it stands, when the record tells something new; null when it does not. */
  async look(): Promise<Standing | null> {
    this.#rollout ??= await this.#open();
    const last = (await this.#rollout?.next())?.findLast(({ type }) => type !== "userMessage");
    return last === undefined ? null : standingAfter(last);
  }

  close(): void {
    this.#watcher?.close();
  }

  async #open(): Promise<RolloutReader | null> {
    const path = await findRollout(this.#codexHome, this.sessionId);
    if (path === null) return null;
    // Without a listener its failure would end the process; looking now and then goes on.
    this.#watcher = watch(path, { persistent: false }, this.#onChange).on("error", this.#onChange);
    return RolloutReader.nearEnd(path);
  }
}

type Standing = Pick<SourceReport, "activity" | "limitedUntil">;

function standingAfter(event: RolloutEvent): Standing {
  if (event.type !== "turnEnded") return { activity: "busy" };
  if (!event.limited) return { activity: "idle" };
  const { limitedUntil } = event;
  return limitedUntil === null ? { activity: "limited" } : { activity: "limited", limitedUntil };
}
