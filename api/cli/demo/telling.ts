import { z } from "zod";
import type { JournalEntry } from "../payloads.ts";
import type { Tone } from "../render/paper.ts";

/** Journal entries in plain words. Pure. */

export interface Telling {
  /** Where the actor stands after the entry. */
  state: string;
  /** Null when the entry is nothing to tell. */
  words: string | null;
  tone: Tone;
  deferReason: string | null;
  /** What the participant's agent was last reported to do. */
  runtimeState: string | null;
}

const delivery = z.object({
  output: z.object({
    verdict: z.string(),
    reason: z.string().optional(),
    evidence: z
      .object({
        channel: z.string(),
        bytes: z.number(),
        firstByteAt: z.number().nullable(),
        submittedAt: z.number().nullable(),
      })
      .optional(),
  }),
});
const report = z.object({ runtime: z.object({ state: z.string() }) });

/** Why the chart waits when its runtime is in this state. */
const reasonByRuntime: Readonly<Record<string, string>> = {
  busy: "agentBusy",
  humanTyping: "humanTyping",
  dialog: "dialogOpen",
  unknown: "stateUnknown",
  launching: "runtimeStarting",
  registered: "runtimeStarting",
};

const reasonWords: Readonly<Record<string, string>> = {
  agentBusy: "it is still at work",
  humanTyping: "a person types there, or left a draft",
  draftPresent: "an unsent draft stands in its input box",
  readingHistory: "a person reads its history",
  dialogOpen: "a dialog is open",
  stateUnknown: "its screen is not understood",
  runtimeStarting: "its program is just starting",
  rateLimited: "it was woken often enough for the moment",
};

export function tellParticipant(before: Telling | null, entry: JournalEntry): Telling {
  const state = leafOf(entry, "participant.attention.");
  const reported = report.safeParse(entry.event);
  const runtimeState = reported.success ? reported.data.runtime.state : (before?.runtimeState ?? null);
  const delivered = delivery.safeParse(entry.event);
  const output = delivered.success ? delivered.data.output : null;
  const deferReason =
    state === "deferred"
      ? (output?.reason ?? reasonByRuntime[runtimeState ?? ""] ?? before?.deferReason ?? "unknown")
      : null;
  const told = { state, runtimeState, deferReason };
  if (output?.verdict === "delivered" || output?.verdict === "unconfirmed")
    return { ...told, words: deliveryWords(output), tone: "plain" };
  const isNews = state !== before?.state || deferReason !== before.deferReason;
  if (!isNews || before === null) return { ...told, words: null, tone: "plain" };
  return { ...told, ...attentionWords(told, before, entry) };
}

type Words = Pick<Telling, "words" | "tone">;
const silent: Words = { words: null, tone: "plain" };

function attentionWords(
  { state, deferReason }: Pick<Telling, "state" | "deferReason">,
  before: Telling,
  { event }: JournalEntry,
): Words {
  switch (state) {
    case "triggering":
      return {
        words: "is idle and has unread work: the wake line is typed into its terminal",
        tone: "plain",
      };
    case "deferred": {
      const why = reasonWords[deferReason ?? ""] ?? deferReason ?? "";
      return { words: `has unread work, but its wake waits (${deferReason}): ${why}`, tone: "warning" };
    }
    case "resuming":
      return { words: "has unread work and no living program: its session is resumed", tone: "warning" };
    case "spawning":
      return {
        words: "has unread work and no session: it is started anew with the thread's summary",
        tone: "warning",
      };
    case "reading":
      return event.type === "heartbeat.received"
        ? { words: "is awake: its heartbeat acknowledges the wake", tone: "good" }
        : silent;
    case "caughtUp":
      return { words: "has read everything", tone: "good" };
    case "backoff":
      return { words: "did not acknowledge; the wake is tried again", tone: "warning" };
    case "blocked":
      return { words: `cannot be woken any more (from ${before.state})`, tone: "bad" };
    default:
      return silent;
  }
}

function deliveryWords({ evidence }: z.infer<typeof delivery>["output"]): string {
  if (evidence === undefined) return "got its wake line";
  const { bytes, channel, firstByteAt, submittedAt } = evidence;
  if (submittedAt === null)
    return `was typed ${bytes} bytes (${channel}); whether they were submitted is not seen yet`;
  if (bytes === 0)
    return `got its wake line: it stood in the input box already and was only submitted (${channel})`;
  const tookMs = firstByteAt === null ? 0 : submittedAt - firstByteAt;
  return `got its wake line: ${bytes} bytes typed (${channel}), seen submitted ${tookMs} ms later`;
}

export function tellRuntime(before: Telling | null, entry: JournalEntry): Telling {
  const state = runtimeState(entry);
  const told: Telling = { state, words: null, tone: "faint", deferReason: null, runtimeState: state };
  if (state === before?.state) return told;
  switch (state) {
    case "launching":
      return { ...told, words: "is launched in a terminal of its own" };
    case "idle":
      return { ...told, words: "sits idle at its prompt" };
    case "humanTyping":
      return {
        ...told,
        words: "has a person at its keyboard, or their draft in its input box",
        tone: "warning",
      };
    case "dead":
      return { ...told, words: "lost its program: the process has ended", tone: "bad" };
    case "crashLooping":
      return { ...told, words: "keeps dying: it is not started again", tone: "bad" };
    default:
      return told;
  }
}

function runtimeState(entry: JournalEntry): string {
  const activity = leafOf(entry, "runtime.present.lifecycle.live.activity.");
  return activity === "" ? leafOf(entry, "runtime.present.lifecycle.") : activity;
}

/** The state after this path, without its inner states; empty when the actor is not below it. */
function leafOf({ states }: JournalEntry, path: string): string {
  const found = states.find((state) => state.startsWith(path));
  const inner = found?.slice(path.length).split(".") ?? [];
  return inner[0] ?? "";
}
