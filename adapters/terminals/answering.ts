/**
 * Answers a dialog for an operator, who saw it from afar: only while the screen shows exactly what they saw, and nobody
 * is at the keys.
 *
 * look → refuse → (mark started) → look again → key → the dialog went away?
 *
 * A key is pressed once. When the dialog still looks the same after it, it may be the next one that asks the same: that is
 * for the operator to look at.
 */
import type { AnswerPromptOutput } from "../../machines/runtime/ports.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { type AnswerKey, answerKeys, type Terminal, type TerminalAddress } from "../../runtime/terminal.ts";
import { type TerminalClock, sleep } from "./clock.ts";
import type { ScreenReader } from "./patterns.ts";
import type { ScreenPrompt } from "./prompt-on-screen.ts";
import { type Look, personTypedSince } from "./typing-guards.ts";

export interface AnswerRequest {
  terminal: Terminal;
  address: TerminalAddress;
  read: ScreenReader;
  /** Of the prompt that the operator saw. */
  fingerprint: string;
  option: string;
  /** A person's last key stroke counts as presence for this long. */
  quietWindowMs: number;
  clock: TerminalClock;
  /** Awaited before the first key; when it throws, none is pressed. */
  beforeFirstKey: () => Promise<void>;
  /** Awaited before each key; when it throws, it is not pressed. */
  beforeKey: () => Promise<void>;
}

type Refused = Extract<AnswerPromptOutput, { verdict: "refused" }>;

/** How long one key may take to show an effect. */
const effectWithinMs = 3_000;
const lookEveryMs = 50;
/** A screen in the middle of being drawn shows no dialog either. */
const goneForMs = 150;

/** Throws what `beforeFirstKey` and `beforeKey` throw. */
export async function answerSafely(request: AnswerRequest): Promise<AnswerPromptOutput> {
  const permitted = await lookAgain(request, null);
  if ("verdict" in permitted) return permitted;
  await request.beforeFirstKey();
  const since = request.clock.now();
  const prompt = permitted.prompt.press === "select" ? await moveTo(request, since) : null;
  if (prompt !== null && "verdict" in prompt) return prompt;
  // What had to be asked and moved first took time.
  const last = await lookAgain(request, since);
  if ("verdict" in last) return last;
  if (last.prompt.press === "select" && last.prompt.marked !== request.option)
    return refused("promptChanged");
  await request.beforeKey();
  const isPressed = await press(request, last.prompt);
  if (isPressed !== null) return isPressed;
  return { verdict: (await isGone(request)) ? "answered" : "unconfirmed" };
}

interface Standing {
  prompt: ScreenPrompt;
}

/** The prompt as it stands, if it is the one that was seen and nobody is in the way. `since`: when our own keys began. */
async function lookAgain(request: AnswerRequest, since: number | null): Promise<Standing | Refused> {
  const { terminal, address, clock, quietWindowMs } = request;
  try {
    const view = await terminal.view(address);
    const look: Look = { view, reading: request.read(view), at: clock.now() };
    if (!view.alive) return refused("terminalMissing");
    if (look.reading.bareShell) return refused("bareShell");
    if (view.inCopyMode) return refused("readingHistory");
    const isPersonThere = view.humanIdleMs !== null && view.humanIdleMs < Math.max(1, quietWindowMs);
    if (isPersonThere || (since !== null && personTypedSince(look, since))) return refused("humanTyping");
    const { prompt } = look.reading;
    return prompt?.fingerprint === request.fingerprint ? { prompt } : refused("promptChanged");
  } catch (error) {
    return refusalOf(error);
  }
}

/** Errors by which a backend tells that it wrote nothing; any other is thrown on. */
function refusalOf(error: unknown): Refused {
  if (isRouseError(error, "terminal_missing")) return refused("terminalMissing");
  if (isRouseError(error, "terminal_identity_mismatch")) return refused("identityMismatch");
  if (isRouseError(error, "conflict")) return refused("readingHistory");
  throw error;
}

function refused(reason: Refused["reason"]): Refused {
  return { verdict: "refused", reason };
}

/** Moves the sign of the choice to the option, one key at a time; nothing is answered by that. Null once it stands there. */
async function moveTo(request: AnswerRequest, since: number): Promise<Refused | null> {
  for (let moves = 0; moves < answerKeys.length; moves += 1) {
    const standing = await lookAgain(request, since);
    if ("verdict" in standing) return standing;
    const { marked } = standing.prompt;
    if (marked === request.option) return null;
    await request.beforeKey();
    const isAbove = Number(marked ?? 0) < Number(request.option);
    const failed = await press(request, isAbove ? "Down" : "Up");
    if (failed !== null) return failed;
    await until(request, async () => {
      const moved = await lookAgain(request, since);
      return "verdict" in moved || moved.prompt.marked !== marked;
    });
  }
  return refused("promptChanged");
}

/** Null when the key was written. */
async function press(
  { terminal, address, option }: AnswerRequest,
  what: ScreenPrompt | AnswerKey,
): Promise<Refused | null> {
  try {
    if (typeof what !== "string" && what.press === "select") await terminal.pressEnter(address);
    else await terminal.pressKey(address, typeof what === "string" ? what : keyOf(option));
    return null;
  } catch (error) {
    return refusalOf(error);
  }
}

function keyOf(option: string): AnswerKey {
  const key = answerKeys.find((candidate) => candidate === option);
  if (key === undefined) throw new Error(`no key chooses option ${option}`);
  return key;
}

/** Whether the dialog is away, and stays away for a moment. The end of the program counts, too. */
async function isGone(request: AnswerRequest): Promise<boolean> {
  const { clock } = request;
  let goneSince: number | null = null;
  return until(request, async () => {
    goneSince = (await isShown(request)) ? null : (goneSince ?? clock.now());
    return goneSince !== null && clock.now() - goneSince >= goneForMs;
  });
}

async function isShown({ terminal, address, read, fingerprint }: AnswerRequest): Promise<boolean> {
  try {
    return read(await terminal.view(address)).prompt?.fingerprint === fingerprint;
  } catch (error) {
    return !isRouseError(error, "terminal_missing");
  }
}

async function until({ clock }: AnswerRequest, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = clock.now() + effectWithinMs;
  for (;;) {
    if (await holds()) return true;
    if (clock.now() >= deadline) return false;
    await sleep(clock, lookEveryMs);
  }
}
