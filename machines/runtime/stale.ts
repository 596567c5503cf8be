import { watchOutcomes } from "./live.ts";
import { runtimeSetup, watchInput } from "./setup.ts";

export const stale = runtimeSetup.createStateConfig({
  description:
    "No sign of life, or its terminal cannot be watched. Nothing is typed. Leaves by any sign of life, or expires.",
  initial: "unheard",
  entry: { type: "report", params: { state: "stale" } },
  on: {
    "heartbeat.received": { target: "live", actions: ["noteSeen", "noteSession"] },
    "terminal.observed": { guard: "holdsTerminal", target: "live", actions: "noteSeen" },
    "reconciliation.requested": { guard: "holdsTerminal", target: ".searching" },
  },
  after: {
    expireAfter: {
      target: "dead",
      actions: { type: "noteDetail", params: { detail: "no sign of life for too long" } },
    },
  },
  states: {
    unheard: {
      description: "No terminal of ours to look at: a heartbeat would revive it.",
      tags: "waiting",
      always: { guard: "holdsTerminal", target: "searching" },
    },
    searching: {
      description:
        "The host looks for the terminal by its identity; whatever it observes revives the runtime.",
      tags: "busy",
      invoke: { id: "watchTerminal", src: "watchTerminal", input: watchInput, ...watchOutcomes },
      on: { "management.changed": { guard: "mayChangeManagement", target: "unheard" } },
    },
    pausing: {
      description: "The last look failed for a passing reason. Looks again after a pause.",
      tags: "waiting",
      on: { "management.changed": { guard: "mayChangeManagement", target: "unheard" } },
      after: { searchPause: "searching" },
    },
  },
});
