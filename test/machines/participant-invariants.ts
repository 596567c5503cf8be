import { isDeepStrictEqual } from "node:util";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import { deliverWake, resumeSession, spawnSession } from "../../machines/participant/ports.ts";
import type { EngineRecord } from "../../machines/records.ts";
import type { Intent } from "../../runtime/kernel.ts";
import type { Position, Walked } from "../../runtime/model/model.ts";

/** What must hold after every step of a participant. Each answers with the sentences that are broken. */

const ports = { deliverWake, resumeSession, spawnSession };
const busyStates = ["triggering", "resuming", "spawning"];
const waitingStates = [
  "coalescing",
  "deferred",
  "backoff",
  "awaitingAck",
  "reading",
  "awaitingStart",
  ...busyStates,
];

/** Leaf of the attention region, `unread.held` as `held`. */
export function standing({ value }: Position<ParticipantContext>): string {
  const { attention } = value as { attention: string | Record<string, string> };
  if (typeof attention === "string") return attention;
  const [[outer, inner] = ["", ""]] = Object.entries(attention);
  return outer === "blocked" ? outer : inner;
}

export function broken(walked: Walked<ParticipantContext>): string[] {
  const { after, step } = walked;
  const { context, record, due } = after;
  const { wake, policy, unread, blocked } = context;
  const state = standing(after);
  const invokes = Object.keys(record.invokes);
  const attentionTimers = Object.keys(due).filter((id) => id.includes("attention"));
  const claims: Record<string, boolean> = {
    "at most one invoke runs": invokes.length <= 1,
    "an invoke runs exactly in the busy states": busyStates.includes(state) === (invokes.length === 1),
    "every wait has a timer": !waitingStates.includes(state) || attentionTimers.length === 1,
    "nothing is typed while paused, unmanaged or gone": invokes[0] !== "deliverWake" || isTypeable(context),
    "whoever is caught up has nothing unread and no wake":
      state !== "caughtUp" || (unread === 0 && wake === null),
    "blocked has a reason and no wake":
      (state === "blocked") === (blocked !== null) && (blocked === null || wake === null),
    "held is held": state !== "held" || context.threadStatus === "closed" || isPaused(context),
    "the switch shows":
      (after.value as { control: string }).control === (context.pausedBy.length > 0 ? "paused" : "running"),
    "unread is exact at the head": context.headSeq <= context.lastReadSeq === (unread === 0),
    "deliveries stay within the policy": wake === null || wake.triggers <= policy.retries + 1,
    "resumes stay within the policy": wake === null || wake.resumes <= policy.resumes,
    "spawns stay within the policy": wake === null || wake.spawns <= policy.spawns,
    "the context stays small":
      (wake?.hops.length ?? 0) <= 16 && context.recentWakes.length <= policy.wakesPerWindow,
    "records tell each wake once": recordsAgree(walked),
    "a block is escalated once": escalatesOnce(walked),
    "a reply is awaited exactly while one is owed that was read": awaitsWhatIsOwed(after),
    "a missing reply is told when its bound has passed, and once": tellsMissingReply(walked),
    "ports get what they accept": step.intents.every(isAccepted),
  };
  return Object.entries(claims).flatMap(([claim, holds]) => (holds ? [] : [`${claim}, but ${state}`]));
}

function isPaused({ pausedBy, agent }: ParticipantContext): boolean {
  return pausedBy.length > 0 || agent.runtime?.injection === "paused";
}

function isTypeable(context: ParticipantContext): boolean {
  const { runtime } = context.agent;
  const silent = ["stale", "dead", "crashLooping", "deregistered"];
  return runtime?.management === "managed" && !silent.includes(runtime.state) && !isPaused(context);
}

function isAccepted(intent: Intent): boolean {
  if (intent.type !== "invoke") return true;
  const port = ports[intent.port as keyof typeof ports];
  const { runtimeId } = intent.input as { runtimeId: string };
  return port.input.safeParse(intent.input).success && /^[a-z0-9-]{1,64}$/.test(runtimeId);
}

/**
 * Over one step: a wake is opened under a new id only when none runs, acknowledged at most once, closed at most once
 * while it runs; what the context says before and after agrees. Holding for every step, it holds for every history.
 */
function recordsAgree({ before, after, step }: Walked<ParticipantContext>): boolean {
  let count = before?.context.wakeCount ?? 0;
  let open = before === null ? null : openWake(before);
  for (const { type, params } of step.intents.flatMap(recordOf)) {
    if (type === "wake.opened") {
      count += 1;
      if (open !== null || params.wakeId !== `th-7.reviewer.${count}`) return false;
      open = { wakeId: params.wakeId, acknowledged: false };
    } else if (type === "wake.acknowledged") {
      if (open?.wakeId !== params.wakeId || open.acknowledged) return false;
      open = { wakeId: params.wakeId, acknowledged: true };
    } else if (type === "wake.closed") {
      if (open?.wakeId !== params.wakeId) return false;
      open = null;
    }
  }
  return isDeepStrictEqual(open, openWake(after)) && count === after.context.wakeCount;
}

function openWake({ context: { wake } }: Position<ParticipantContext>) {
  return wake === null ? null : { wakeId: wake.wakeId, acknowledged: wake.acknowledgedAt !== null };
}

function replyOf({ value }: Position<ParticipantContext>): string {
  return (value as { reply: string }).reply;
}

function awaitsWhatIsOwed(after: Position<ParticipantContext>): boolean {
  const { owed, lastReadSeq, threadStatus } = after.context;
  const isOwed = owed !== null && owed.seq <= lastReadSeq && threadStatus === "active";
  const waits = Object.keys(after.due).some((id) => id.includes("participant.reply"));
  return isOwed === (replyOf(after) !== "settled") && waits === (replyOf(after) === "due");
}

function tellsMissingReply({ before, after, step }: Walked<ParticipantContext>): boolean {
  const told = escalationsOf(step).filter(({ reason }) => reason === "unanswered");
  const isNew = before !== null && replyOf(before) === "due" && replyOf(after) === "overdue";
  const since =
    before === null ? undefined : Object.entries(before.due).find(([id]) => id.includes("participant.reply"));
  return told.length === (isNew ? 1 : 0) && (!isNew || after.now >= (since?.[1].at ?? Infinity));
}

function escalationsOf({ intents }: Walked<ParticipantContext>["step"]) {
  return intents
    .flatMap(recordOf)
    .flatMap(({ type, params }) => (type === "escalation.raised" ? [params] : []));
}

function escalatesOnce({ before, after, step }: Walked<ParticipantContext>): boolean {
  const raised = escalationsOf(step).filter(({ reason }) => reason !== "unanswered");
  const { blocked } = after.context;
  const isNew = blocked !== null && !isDeepStrictEqual(blocked, before?.context.blocked ?? null);
  // The same command twice in one millisecond makes an equal block, and a second escalation.
  return isNew && !blocked.byThread ? raised.length === 1 : raised.length <= (isNew ? 0 : 1);
}

function recordOf(intent: Intent): EngineRecord[] {
  return intent.type === "record" ? [{ type: intent.name, params: intent.params } as EngineRecord] : [];
}
