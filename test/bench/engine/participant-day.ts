import { defaultWakePolicy } from "../../../machines/participant/contract.ts";
import type { ParticipantContext, ParticipantEvent } from "../../../machines/participant/events.ts";
import type { ActorEvent, Cause } from "../../../runtime/store.ts";
import { begin, walk, type Model, type Move, type Position } from "../../../runtime/model/model.ts";
import {
  fullAgent,
  heartbeat,
  input,
  modelOf,
  operator,
  post,
  readAll,
  readOne,
  reported,
  runtime,
  truth,
  whole,
} from "../../machines/participant-model.ts";

/** What befalls one participant on an ordinary day, as the mail of its kernel: with the default policy and all channels. */

type At = Position<ParticipantContext>;
type Happening = (at: At) => Move;

export interface DayMail {
  event: ActorEvent;
  cause: Cause | null;
  /** Epoch ms. */
  now: number;
}

export const dayModel: Model<ParticipantContext> = modelOf({
  ...whole,
  input: input(fullAgent, { policy: defaultWakePolicy }),
});

const mail = (event: ParticipantEvent): Move => ({ type: "mail", event: { ...event } });
const posted: Happening = (at) => mail(post(at));
const readsAll: Happening = (at) => mail(readAll(at));
const readsOne: Happening = (at) => mail(readOne(at));
const beats: Happening = () => mail(heartbeat);
const reconciled: Happening = (at) => mail(truth(at));
const reports =
  (state: Parameters<typeof runtime>[0], runtimeId = "rt-1"): Happening =>
  () =>
    mail(reported(runtime(state, { runtimeId })));
const told =
  (event: ParticipantEvent): Happening =>
  () =>
    mail(event);
const done =
  (invoke: string, output: (at: At) => unknown): Happening =>
  (at) => ({ type: "done", invoke, output: output(at) });
/** The timer whose id ends so. */
const fires =
  (delay: string): Happening =>
  ({ due }) => ({ type: "timer", timer: Object.keys(due).find((id) => id.includes(`.${delay}.`)) ?? delay });

const evidence = { channel: "terminal", bytes: 40, firstByteAt: 1, submittedAt: 2, turnStartedAt: null };
const delivers = done("deliverWake", () => ({ verdict: "delivered", evidence }));
const defers = done("deliverWake", () => ({
  verdict: "deferred",
  reason: "draftPresent",
  retryAfterMs: 5_000,
}));
const resumes = done("resumeSession", ({ context }) => ({
  verdict: "started",
  runtimeId: context.wake?.runtimeId,
}));
const resumed: Happening = (at) => reports("idle", at.context.wake?.runtimeId ?? "rt-1")(at);

/** A message meets an agent at its prompt: typed at once, read, worked on, with what follows meanwhile. */
const atRest = [
  posted,
  delivers,
  reports("busy"),
  beats,
  posted,
  readsOne,
  readsAll,
  beats,
  reports("idle"),
  beats,
  fires("presenceFresh"),
];
/** Messages meet an agent at work: collected, put off, reconciled, then typed when it becomes idle. */
const atWork = [
  reports("busy"),
  posted,
  posted,
  fires("coalescing"),
  posted,
  beats,
  fires("deferRecheck"),
  reconciled,
  reports("idle"),
  defers,
  beats,
  fires("deferRecheck"),
  delivers,
  reports("busy"),
  readsOne,
  beats,
  reconciled,
  readsAll,
  reports("idle"),
];
/** Nobody acknowledges: tried again. */
const unheard = [
  posted,
  delivers,
  reconciled,
  fires("ackTimeout"),
  fires("retryBackoff"),
  delivers,
  beats,
  readsAll,
];
/** The terminal ended: resumed in a new one. */
const ended = [
  reports("dead"),
  posted,
  fires("coalescing"),
  resumes,
  resumed,
  beats,
  reconciled,
  readsAll,
  beats,
];
const commands = [
  told({ type: "injection.paused", scope: "workspace", ...operator }),
  beats,
  told({ type: "injection.resumed", scope: "workspace", ...operator }),
  told({ type: "thread.reported", status: "resolved", reason: null }),
  told({ type: "thread.reported", status: "active", reason: null }),
];

export function participantDay(): DayMail[] {
  const happenings = [...atRest, ...atWork, ...unheard, ...atRest, ...commands, ...ended];
  const day: DayMail[] = [];
  let { after } = begin(dayModel);
  for (const happens of happenings) {
    // Minutes pass between one thing and the next, except before a timer, which brings its own time.
    const walked = walk(dayModel, after, happens(after));
    after = walked.after;
    if (walked.step.transitions.length === 0)
      throw new Error(`nothing came of ${walked.applied?.event.type}`);
    if (walked.applied !== null) day.push({ ...walked.applied, now: after.now });
  }
  return day;
}
