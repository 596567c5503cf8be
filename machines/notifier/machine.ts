import { assign, setup } from "xstate";
import { hasAuthority } from "../authority.ts";
import { timeOf } from "../mail.ts";
import type { Notice, NotifierMeans } from "./contract.ts";
import type { NotifierContext, NotifierInput, TimedNotifierEvent } from "./events.ts";
import { afterGivenUp, afterSent, collectingMs, isTrial, queueWith, trial, waitingWith } from "./message.ts";
import { postWebhook, ringBell, runCommand } from "./ports.ts";

type Args = { context: NotifierContext; event: TimedNotifierEvent };

function requireFirst({ queue, notifierId }: NotifierContext) {
  const [notification] = queue;
  if (notification === undefined) throw new Error(`${notifierId} has nothing to send`);
  return { notifierId, notification };
}

function inputOnHost({ context }: { context: NotifierContext }) {
  const { host, notifierId } = context;
  if (host === null) throw new Error(`${notifierId} has no host`);
  return { ...requireFirst(context), host };
}

/** Longer than all attempts of the most patient port. */
const { retry, timeoutMs } = postWebhook;
const sendBoundMs = retry.attempts * ((timeoutMs ?? 0) + retry.maxBackoffMs) + 10_000;

const notifierSetup = setup({
  types: {
    context: {} as NotifierContext,
    input: {} as NotifierInput,
    events: {} as TimedNotifierEvent,
    tags: {} as "waiting" | "busy" | "stuck",
    children: {} as { postWebhook: "postWebhook"; runCommand: "runCommand"; ringBell: "ringBell" },
  },
  actors: {
    postWebhook: postWebhook.logic,
    runCommand: runCommand.logic,
    ringBell: ringBell.logic,
  },
  delays: {
    collecting: ({ context, event }) => collectingMs(context, timeOf(event)),
    sendBound: sendBoundMs,
  },
  guards: {
    hasAuthority: ({ event }) => hasAuthority("role" in event ? event : {}),
    isIdle: ({ context }) => !context.isServed || !context.isOn,
    isWanted: ({ context }) => context.isServed && context.isOn,
    hasMessage: ({ context }) => context.queue.length > 0,
    hasNotices: ({ context }) => context.waiting !== null,
    isBy: ({ context }, { means }: { means: NotifierMeans }) => context.means === means,
  },
  actions: {
    noteNotice: assign(({ context, event }: Args) =>
      event.type === "notice.raised" && context.isServed && context.isOn
        ? { waiting: waitingWith(context, noticeOf(event), timeOf(event)) }
        : {},
    ),
    makeMessage: assign(({ context, event }: Args) =>
      context.waiting === null
        ? {}
        : { ...queueWith(context, context.waiting, timeOf(event)), waiting: null },
    ),
    makeTrial: assign(({ context, event }: Args) =>
      // One that waits already is the one: asked again and again while nothing arrives, they would pile up.
      event.type === "test.requested" && !context.queue.some(isTrial)
        ? queueWith(context, trial(context, event.by, timeOf(event)), timeOf(event))
        : {},
    ),
    takeBack: assign({
      queue: ({ context }) => [...context.queue, ...context.undelivered],
      undelivered: [],
    }),
    noteSettings: assign(({ event }: Args) =>
      event.type === "notifier.configured" ? { policy: event.policy, isServed: event.isServed } : {},
    ),
    noteSwitch: assign(({ event }: Args) => (event.type === "notifier.switched" ? { isOn: event.isOn } : {})),
    forgetWaiting: assign({ waiting: null }),
    noteSent: assign(({ context, event }: Args) => afterSent(context, timeOf(event))),
    giveUp: assign(({ context }: Args) => afterGivenUp(context)),
  },
});

type Raised = Extract<TimedNotifierEvent, { type: "notice.raised" }>;

function noticeOf({ type: _type, now, ...notice }: Raised): Notice {
  return { ...notice, at: now };
}

const settled = {
  onDone: { target: "#notifier.quiet", actions: "noteSent" },
  onError: { target: "#notifier.quiet", actions: "giveUp" },
} as const;

const by = <Means extends NotifierMeans>(means: Means) =>
  ({ guard: { type: "isBy", params: { means } }, target: means }) as const;

const sending = notifierSetup.createStateConfig({
  description:
    "The first message is on its way, tried again by its port's policy. What comes meanwhile waits for the next one.",
  tags: "busy",
  initial: "choosing",
  always: { guard: "isIdle", target: "off" },
  after: { sendBound: { target: "quiet", actions: "giveUp" } },
  states: {
    choosing: {
      description: "Takes the one means of this notifier, at once.",
      always: [by("webhook"), by("command"), { target: "bell" }],
    },
    webhook: {
      description: "Any node that has the webhook in its settings posts it.",
      invoke: {
        id: "postWebhook",
        src: "postWebhook",
        input: ({ context }) => requireFirst(context),
        ...settled,
      },
    },
    command: {
      description: "The node of its host runs the command.",
      invoke: { id: "runCommand", src: "runCommand", input: inputOnHost, ...settled },
    },
    bell: {
      description: "The node of its host rings terminals.",
      invoke: { id: "ringBell", src: "ringBell", input: inputOnHost, ...settled },
    },
  },
});

/** One way to reach people: what needs them becomes few messages, each sent until it arrives or is visibly given up. */
export const notifierMachine = notifierSetup.createMachine({
  id: "notifier",
  version: "1",
  description: "Tells people, by one means, what needs them.",
  context: ({ input }) => ({
    ...input,
    waiting: null,
    queue: [],
    undelivered: [],
    toldAt: {},
    lastSentAt: null,
    made: 0,
    sent: 0,
    givenUp: 0,
    isServed: true,
    isOn: true,
  }),
  initial: "quiet",
  on: {
    "notice.raised": { actions: "noteNotice" },
    "notifier.configured": { actions: "noteSettings" },
    "notifier.switched": { guard: "hasAuthority", actions: "noteSwitch" },
    "test.requested": { guard: "hasAuthority", actions: "makeTrial" },
    "retry.requested": { guard: "hasAuthority", actions: "takeBack" },
  },
  states: {
    quiet: {
      description: "Everything was told, or given up visibly. Leaves with the next notice, trial or retry.",
      always: [
        { guard: "isIdle", target: "off" },
        { guard: "hasMessage", target: "sending" },
        { guard: "hasNotices", target: "collecting" },
      ],
    },
    collecting: {
      description:
        "Notices wait: for a moment, so that a flood is one message; longer after a message, and for threads that were told of lately.",
      tags: "waiting",
      always: [
        { guard: "isIdle", target: "off" },
        { guard: "hasMessage", target: "sending" },
      ],
      on: { "notice.raised": { target: "collecting", reenter: true, actions: "noteNotice" } },
      after: { collecting: { target: "sending", actions: "makeMessage" } },
    },
    sending,
    off: {
      description:
        "Switched off by an operator, or no longer in the settings of its host: nothing is collected. Escalations stay listed.",
      entry: "forgetWaiting",
      on: {
        "test.requested": {},
      },
      always: { guard: "isWanted", target: "quiet" },
    },
  },
});
