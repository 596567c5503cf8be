import type { z } from "zod";
import { failureOf } from "../failure.ts";
import { answerInput, endAfter, endOf } from "./answer.ts";
import type { AnswerPromptOutput, watchTerminal } from "./ports.ts";
import { runtimeSetup, watchInput } from "./setup.ts";

const failed = ({ event }: { event: { error: unknown } }) => ({
  detail: `not watchable: ${failureOf(event.error).message}`,
});
export const codeOf = ({ event }: { event: { error: unknown } }) => failureOf(event.error);
const exited = ({ event: { output } }: { event: { output: z.output<typeof watchTerminal.output> } }) => ({
  detail: [
    output.exitCode === null ? "the program ended" : `the program ended with exit code ${output.exitCode}`,
    ...(output.lastLine === null ? [] : [output.lastLine]),
  ].join(": "),
});

/** What every watch of the terminal leads to, wherever it runs. */
export const watchOutcomes = {
  onDone: { target: "#runtime.present.lifecycle.died", actions: { type: "noteDetail", params: exited } },
  onError: [
    {
      guard: { type: "provesGone", params: codeOf },
      target: "#runtime.present.lifecycle.died",
      actions: { type: "noteDetail", params: { detail: "its terminal is gone" } },
    },
    {
      target: "#runtime.present.lifecycle.stale.pausing",
      actions: { type: "noteDetail", params: failed },
    },
  ],
} as const;

const activity = runtimeSetup.createStateConfig({
  description: "What the agent is doing, as its terminal shows it. Every observation decides anew.",
  initial: "unknown",
  on: {
    "terminal.observed": [
      {
        guard: { type: "observes", params: { activity: "idle" } },
        target: ".idle",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "busy" } },
        target: ".busy",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "humanTyping" } },
        target: ".humanTyping",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "dialog", dialog: "permission" } },
        target: ".dialog.permission",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "dialog", dialog: "trust" } },
        target: ".dialog.trust",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "dialog", dialog: "login" } },
        target: ".dialog.login",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "dialog", dialog: "update" } },
        target: ".dialog.update",
        actions: "noteObservation",
      },
      {
        guard: { type: "observes", params: { activity: "limited" } },
        target: ".limited",
        actions: "noteObservation",
      },
      { guard: "holdsTerminal", target: ".unknown", actions: "forgetObservation" },
    ],
    "management.changed": { guard: "mayChangeManagement", target: ".unknown", actions: "forgetObservation" },
  },
  states: {
    unknown: {
      description:
        "The program lives, but what it does cannot be told: nothing is typed. Leaves by the next clear observation.",
      tags: "waiting",
      entry: { type: "report", params: { state: "unknown" } },
    },
    idle: {
      description: "The agent waits for input: the moment to wake it. Leaves by the next observation.",
      tags: "waiting",
      entry: { type: "report", params: { state: "idle" } },
    },
    busy: {
      description: "The agent works on a turn; typing would disturb it. Leaves by the next observation.",
      tags: "waiting",
      entry: { type: "report", params: { state: "busy" } },
    },
    humanTyping: {
      description: "A person is at this keyboard, or left an unsent draft. Leaves by the next observation.",
      tags: "waiting",
      entry: { type: "report", params: { state: "humanTyping" } },
    },
    dialog: {
      description:
        "A dialog asks for a decision that is not ours to take: a person answers it in the terminal, or an operator by its fingerprint.",
      initial: "permission",
      states: {
        permission: {
          description: "The agent asks whether it may use a tool. A person answers.",
          tags: "stuck",
          entry: { type: "report", params: { state: "dialog" } },
        },
        trust: {
          description: "The agent asks whether it may trust this folder. A person answers.",
          tags: "stuck",
          entry: { type: "report", params: { state: "dialog" } },
        },
        login: {
          description: "The agent is logged out. A person logs in.",
          tags: "stuck",
          entry: { type: "report", params: { state: "dialog" } },
        },
        update: {
          description: "The agent offers an update of itself. A person answers.",
          tags: "stuck",
          entry: { type: "report", params: { state: "dialog" } },
        },
      },
    },
    limited: {
      description:
        "A usage limit is reached; it looks idle but would not answer. Leaves by the next observation.",
      tags: "waiting",
      entry: { type: "report", params: { state: "limited" } },
    },
  },
});

const watch = runtimeSetup.createStateConfig({
  description: "Whether we look at the terminal.",
  initial: "unwatched",
  states: {
    unwatched: {
      description:
        "No terminal of ours: only heartbeats tell that the program lives. Leaves when it becomes managed.",
      tags: "waiting",
      always: { guard: "holdsTerminal", target: "watching" },
    },
    watching: {
      description: "The terminal is watched until its program ends. Looks anew when asked to reconcile.",
      tags: "busy",
      invoke: { id: "watchTerminal", src: "watchTerminal", input: watchInput, ...watchOutcomes },
      on: {
        "management.changed": { guard: "mayChangeManagement", target: "unwatched" },
        "reconciliation.requested": { target: "watching", reenter: true },
      },
    },
  },
});

const silence = runtimeSetup.createStateConfig({
  description: "How long ago the last sign of life came.",
  initial: "heard",
  states: {
    heard: {
      description:
        "A sign of life came recently. Each observation or heartbeat starts the wait anew; without one the runtime is stale.",
      tags: "waiting",
      on: {
        "terminal.observed": { guard: "holdsTerminal", target: "heard", reenter: true, actions: "noteSeen" },
        "heartbeat.received": {
          target: "heard",
          reenter: true,
          actions: ["noteSeen", "noteSession", { type: "report", params: { state: null } }],
        },
      },
      after: {
        staleAfter: {
          target: "#runtime.present.lifecycle.stale",
          actions: { type: "noteDetail", params: { detail: "no sign of life" } },
        },
      },
    },
  },
});

const answer = runtimeSetup.createStateConfig({
  description: "Whether an operator's answer to a dialog is being given.",
  initial: "none",
  states: {
    none: {
      description: "No answer is being given. Leaves by an operator's answer to exactly what is shown.",
      tags: "waiting",
      on: { "answer.requested": { guard: "mayAnswer", target: "answering", actions: "noteAnswer" } },
    },
    answering: {
      description:
        "The host looks whether the dialog still shows exactly what was answered, and presses the option's key. Whatever comes of it, the terminal is looked at anew; a key that may have been pressed is never pressed again by itself.",
      tags: "busy",
      invoke: {
        id: "answerPrompt",
        src: "answerPrompt",
        input: answerInput,
        onDone: {
          target: "#runtime.present.lifecycle.live",
          actions: {
            type: "noteAnswerEnd",
            params: ({ event }: { event: { output: AnswerPromptOutput } }) => endOf(event.output),
          },
        },
        onError: {
          target: "#runtime.present.lifecycle.live",
          actions: {
            type: "noteAnswerEnd",
            params: ({ event }: { event: { error: unknown } }) => endAfter(event.error),
          },
        },
      },
      // Left before its host said a word, the key may have been pressed.
      exit: { type: "noteAnswerEnd", params: { outcome: "unconfirmed", refusal: null } },
      on: { "management.changed": { guard: "mayChangeManagement", target: "none" } },
      after: { answerBound: "#runtime.present.lifecycle.live" },
    },
  },
});

export const live = runtimeSetup.createStateConfig({
  description: "The program runs. Leaves when it ends, falls silent, loses its host, or is stopped.",
  type: "parallel",
  entry: "forgetObservation",
  on: {
    "host.lost": {
      target: "stale",
      actions: { type: "noteDetail", params: { detail: "its host is gone" } },
    },
  },
  states: { activity, watch, silence, answer },
});
