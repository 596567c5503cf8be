/**
 * Types one line into a live agent's terminal without ever typing over a person, into a dialog or into a shell.
 *
 * look → refuse or defer → (mark started) → look again → paste → pause → look again → Enter → verify.
 *
 * Nothing of a person is ever repaired: when somebody types between our paste and our Enter, our line stays in the box
 * beside theirs, Enter is left to them, and the verdict is `unconfirmed`. A later attempt that finds exactly our own line
 * in the box does not paste again, it only submits. An earlier line of ours with another errand is submitted likewise, and
 * `text` waits for its turn.
 */
import type { DeliverWakeOutput, DeliveryEvidence } from "../../machines/participant/ports.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import { type TerminalClock, sleep } from "./clock.ts";
import type { ScreenReader } from "./patterns.ts";
import { sanitizeLine } from "./sanitize.ts";
import {
  findObstacle,
  holdsOwnText,
  type Look,
  mayPressEnter,
  type Obstacle,
  sameText,
  type TypingRules,
} from "./typing-guards.ts";

export interface TypingPace {
  /** Between the paste and the first Enter; some agents drop an Enter that comes in the same tick. */
  enterDelayMs: number;
  /** How long our text may take to appear in the box. */
  visibleTimeoutMs: number;
  /** How long one Enter may take to show an effect. */
  verifyTimeoutMs: number;
  /** Between two looks. */
  lookEveryMs: number;
  /** Presses in all. */
  maxEnters: number;
}

export const defaultTypingPace: TypingPace = {
  enterDelayMs: 60,
  visibleTimeoutMs: 2_000,
  verifyTimeoutMs: 1_000,
  lookEveryMs: 20,
  maxEnters: 3,
};

export interface TypeRequest {
  terminal: Terminal;
  address: TerminalAddress;
  /** Becomes one sanitised line of at most 1000 bytes. */
  text: string;
  read: ScreenReader;
  quietWindowMs: number;
  force: boolean;
  /** A usage limit that the screen still shows is known to be over. */
  limitIsOver?: boolean;
  clock: TerminalClock;
  pace?: Partial<TypingPace>;
  /** Awaited before the first outside act; when it throws nothing is written. */
  beforeFirstByte: () => Promise<void>;
  /** Awaited before each Enter; when it throws, Enter is not pressed. */
  beforeEnter?: () => Promise<void>;
  /** Recognises earlier lines of ours that were never submitted; `text` itself always counts. */
  isOwnText?: (draft: string) => boolean;
  /** Evidence beside the screen: epoch ms at which the program took `text` as a prompt, not before `since`, or null. */
  findPrompt?: (text: string, since: number) => Promise<number | null>;
  /** Whether such a line tells what `text` tells. One that does not is submitted too, but delivers nothing. Default: it does. */
  saysTheSame?: (draft: string) => boolean;
}

const maxLineBytes = 1_000;

interface Attempt {
  request: TypeRequest;
  rules: TypingRules & { text: string; pastedAt: number };
  pace: TypingPace;
  evidence: DeliveryEvidence;
}

export async function typeSafely(request: TypeRequest): Promise<DeliverWakeOutput> {
  const attempt = beginAttempt(request);
  const permitted = await lookForObstacle(attempt);
  if ("verdict" in permitted) return permitted;
  await request.beforeFirstByte();
  // What had to be asked first may have taken long: a person may be at the keys by now.
  const first = await lookForObstacle(attempt);
  if ("verdict" in first) return first;
  const obstacle = await writeText(attempt, first);
  if (obstacle !== null) return obstacle;
  const shown = await submit(attempt, first).catch(() => {
    // Bytes are out, whatever failed after that: the acknowledgement decides.
    return unconfirmed(attempt);
  });
  const output = await askProgram(attempt, shown);
  return holdsOtherErrand(first, request) ? waitsForTurn(output) : output;
}

/** What the screen did not show, the program may have noted. */
async function askProgram(attempt: Attempt, output: DeliverWakeOutput): Promise<DeliverWakeOutput> {
  const { request, rules } = attempt;
  if (output.verdict !== "unconfirmed" || request.findPrompt === undefined) return output;
  const takenAt = await request.findPrompt(rules.text, rules.pastedAt).catch(() => null);
  return takenAt === null ? output : delivered(attempt, takenAt, false);
}

function holdsOtherErrand(
  { reading: { draft } }: Look,
  { text, isOwnText, saysTheSame }: TypeRequest,
): boolean {
  if (draft === null || isOwnText?.(draft) !== true || sameText(draft, text)) return false;
  return saysTheSame?.(draft) === false;
}

/** Nothing of our text was written: the line before it goes first. */
function waitsForTurn({ verdict }: DeliverWakeOutput): Obstacle {
  const reason = verdict === "delivered" ? "agentBusy" : "draftPresent";
  return { verdict: "deferred", reason, retryAfterMs: null };
}

function beginAttempt(request: TypeRequest): Attempt {
  const text = sanitizeLine(request.text, { maxBytes: maxLineBytes });
  const isOwnText = (draft: string) => sameText(draft, text) || (request.isOwnText?.(draft) ?? false);
  const { quietWindowMs, force, limitIsOver = false, terminal } = request;
  return {
    request,
    rules: { quietWindowMs, force, limitIsOver, isOwnText, text, pastedAt: request.clock.now() },
    pace: { ...defaultTypingPace, ...request.pace },
    evidence: {
      channel: terminal.backend,
      bytes: 0,
      firstByteAt: null,
      submittedAt: null,
      turnStartedAt: null,
    },
  };
}

async function look({ request }: Attempt): Promise<Look> {
  const view = await request.terminal.view(request.address);
  return { view, reading: request.read(view), at: request.clock.now() };
}

/** A history that nobody looks at any more is left; one that somebody reads is not touched. */
async function lookForObstacle(attempt: Attempt): Promise<Look | Obstacle> {
  const { terminal, address } = attempt.request;
  try {
    let seen = await look(attempt);
    if (seen.view.alive && seen.view.inCopyMode && seen.view.viewers === 0) {
      await terminal.leaveCopyMode(address);
      seen = await look(attempt);
    }
    return findObstacle(seen, attempt.rules) ?? seen;
  } catch (error) {
    return obstacleOf(error);
  }
}

/** Errors by which a backend tells that it wrote nothing; any other is thrown on. */
export function obstacleOf(error: unknown): Obstacle {
  if (isRouseError(error, "terminal_missing")) return { verdict: "refused", reason: "terminalMissing" };
  if (isRouseError(error, "terminal_identity_mismatch"))
    return { verdict: "refused", reason: "identityMismatch" };
  if (isRouseError(error, "conflict"))
    return { verdict: "deferred", reason: "readingHistory", retryAfterMs: null };
  throw error;
}

async function writeText(attempt: Attempt, first: Look): Promise<Obstacle | null> {
  const { terminal, address, clock } = attempt.request;
  attempt.rules.pastedAt = clock.now();
  if (first.reading.draft !== null && attempt.rules.isOwnText(first.reading.draft)) return null;
  try {
    attempt.evidence.bytes = await terminal.paste(address, attempt.rules.text);
    attempt.evidence.firstByteAt = clock.now();
    return null;
  } catch (error) {
    if (isRouseError(error, "terminal_failed")) {
      // A paste that timed out may or may not have arrived; the next look tells.
      attempt.evidence.bytes = Buffer.byteLength(attempt.rules.text);
      return null;
    }
    return obstacleOf(error);
  }
}

async function submit(attempt: Attempt, first: Look): Promise<DeliverWakeOutput> {
  const { terminal, address, clock } = attempt.request;
  await sleep(clock, attempt.pace.enterDelayMs);
  const wasBusy = first.reading.activity === "busy";
  for (let press = 1; press <= attempt.pace.maxEnters; press += 1) {
    if (!(await awaitOwnText(attempt))) return unconfirmed(attempt);
    await terminal.pressEnter(address);
    attempt.evidence.firstByteAt ??= clock.now();
    const outcome = await verify(attempt, wasBusy);
    if (outcome !== "still ours") return outcome;
  }
  return unconfirmed(attempt);
}

/** True once our text, and nothing else, is in the box. */
async function awaitOwnText(attempt: Attempt): Promise<boolean> {
  const { clock } = attempt.request;
  const deadline = clock.now() + attempt.pace.visibleTimeoutMs;
  for (;;) {
    await attempt.request.beforeEnter?.();
    const permission = mayPressEnter(await look(attempt), attempt.rules);
    if (permission !== "waiting") return permission === "ours";
    if (clock.now() >= deadline) return false;
    await sleep(clock, attempt.pace.lookEveryMs);
  }
}

async function verify(attempt: Attempt, wasBusy: boolean): Promise<DeliverWakeOutput | "still ours"> {
  const { clock } = attempt.request;
  const deadline = clock.now() + attempt.pace.verifyTimeoutMs;
  for (;;) {
    const seen = await look(attempt);
    const turnStarted = seen.reading.activity === "busy" && !wasBusy;
    const emptied = isEmptied(seen, attempt);
    if (turnStarted || emptied) return delivered(attempt, seen.at, turnStarted);
    if (clock.now() >= deadline)
      return holdsOwnText(seen, attempt.rules) ? "still ours" : unconfirmed(attempt);
    await sleep(clock, attempt.pace.lookEveryMs);
  }
}

/** The box is there and our text is not. A vanished box (a dialog, an unknown screen) proves nothing. */
function isEmptied(seen: Look, attempt: Attempt): boolean {
  const { reading, view } = seen;
  if (!view.alive || reading.draft === null || reading.bareShell) return false;
  const { activity } = reading;
  const isOver = activity === "limited" && attempt.rules.limitIsOver === true;
  if (activity !== "idle" && activity !== "busy" && !isOver) return false;
  return !holdsOwnText(seen, { ...attempt.rules, force: true });
}

function delivered(attempt: Attempt, at: number, turnStarted: boolean): DeliverWakeOutput {
  attempt.evidence.submittedAt = at;
  attempt.evidence.turnStartedAt = turnStarted ? at : null;
  return { verdict: "delivered", evidence: attempt.evidence };
}

function unconfirmed(attempt: Attempt): DeliverWakeOutput {
  return { verdict: "unconfirmed", evidence: attempt.evidence };
}
