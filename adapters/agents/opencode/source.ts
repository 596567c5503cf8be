import { z } from "zod";
import { delay, systemClock } from "../../../runtime/clock.ts";
import { Bell } from "../../terminals/bell.ts";
import type { RunningProgram, SourceReport } from "../kind.ts";
import { handInFirstPrompt } from "./first-prompt.ts";
import { OpencodeServer, type OpencodeEvent, type SessionStatus } from "./server.ts";

/** While the program starts. */
const askAgainMs = 500;
/** The net below lost events. */
const relookMs = 5_000;
/** A model that is asked again sooner than that is still at work; later, it is at its limit. */
const longestPauseMs = 60_000;

/** Tells what the program's server says at each event and now and then, until `signal` ends. Throws when it cannot be reached any more. */
export async function observeOpencode(
  program: RunningProgram,
  tell: (report: SourceReport) => void,
  signal: AbortSignal,
): Promise<void> {
  const server = await untilItListens(program.pid, signal);
  if (server === null) return;
  await handInFirstPrompt(server, program, signal);
  const ended = new AbortController();
  const until = AbortSignal.any([signal, ended.signal]);
  const bell = new Bell(systemClock);
  const watch = new SessionWatch(server, program.sessionId);
  const following = follow(server, until, (event) => {
    watch.note(event);
    if (isNews(event)) bell.ring();
  });
  // Its failure is found by the next look, or by the race below.
  following.catch(() => ended.abort());
  try {
    while (!until.aborted) {
      const report = await watch.look(until);
      if (!until.aborted) tell(report);
      await bell.rungWithin(relookMs, until);
    }
    if (!signal.aborted) await following;
  } finally {
    ended.abort();
    await following.catch(() => {});
  }
}

async function untilItListens(pid: number, signal: AbortSignal): Promise<OpencodeServer | null> {
  while (!signal.aborted) {
    const server = OpencodeServer.of(pid);
    if (server !== null) return server;
    await delay(systemClock, askAgainMs, signal);
  }
  return null;
}

async function follow(
  server: OpencodeServer,
  signal: AbortSignal,
  hear: (event: OpencodeEvent) => void,
): Promise<never> {
  for await (const event of server.events(signal)) hear(event);
  throw new Error("the program's events have ended");
}

/** The parts of an answer come by the hundred. */
function isNews({ type }: OpencodeEvent): boolean {
  return /^(?:session|permission|question|tui)\./.test(type) && type !== "session.diff";
}

/** What the program does, and in which session: the one that it worked in, or was told to show, last. */
class SessionWatch {
  readonly #server: OpencodeServer;
  #sessionId: string | null;
  #mentioned: string | null = null;
  /** Its server listens long before its screen takes keys: until something has happened, the screen knows better. */
  #hasWorked = false;
  /** Its last turn failed for it, and no model has answered since. */
  #isSignedOut = false;

  constructor(server: OpencodeServer, sessionId: string | null) {
    this.#server = server;
    this.#sessionId = sessionId;
  }

  note({ type, properties }: OpencodeEvent): void {
    if (type === "session.status") this.#hasWorked = true;
    if (type === "session.error") this.#isSignedOut = isSignInFailure(properties["error"]);
    if (type === "message.part.delta") this.#isSignedOut = false;
    if (type !== "session.created" && type !== "session.status" && type !== "tui.session.select") return;
    const { sessionID } = properties;
    if (typeof sessionID === "string") this.#mentioned = sessionID;
  }

  async look(signal: AbortSignal): Promise<SourceReport> {
    await this.#settle(signal);
    const told = {
      source: "events",
      ...(this.#sessionId === null ? {} : { sessionId: this.#sessionId }),
    } as const;
    if (await this.#server.isAsking(signal)) return { ...told, activity: "dialog", dialog: "permission" };
    const activity = activityOf(await this.#server.statuses(signal), systemClock.now());
    if (activity.activity !== "idle") return { ...told, ...activity };
    if (this.#isSignedOut) return { ...told, activity: "dialog", dialog: "login" };
    return { ...told, activity: this.#hasWorked ? "idle" : "unknown" };
  }

  /** A session that belongs to another is one of its sub-agents. */
  async #settle(signal: AbortSignal): Promise<void> {
    const mentioned = this.#mentioned;
    this.#mentioned = null;
    if (mentioned === null || mentioned === this.#sessionId) return;
    const found = await this.#server.findSession(mentioned, signal);
    if (found !== null && found.parentID === undefined) this.#sessionId = mentioned;
  }
}

const failure = z.looseObject({
  name: z.string(),
  data: z.looseObject({ statusCode: z.number().optional() }).optional(),
});

function isSignInFailure(error: unknown): boolean {
  const { data: told } = failure.safeParse(error);
  const status = told?.data?.statusCode;
  return told?.name === "ProviderAuthError" || status === 401 || status === 403;
}

/** Sub-agents count, too. */
function activityOf(
  statuses: readonly SessionStatus[],
  now: number,
): Pick<SourceReport, "activity" | "limitedUntil"> {
  const resets = statuses.flatMap((status) => {
    return status.type === "retry" && status.next - now > longestPauseMs ? [status.next] : [];
  });
  if (resets.length > 0) return { activity: "limited", limitedUntil: Math.max(...resets) };
  return { activity: statuses.some(({ type }) => type !== "idle") ? "busy" : "idle" };
}
