import { participantSetup } from "./actions.ts";

const attention = "#participant.attention";

/** Work is unread: collected, then one channel is chosen. */
export const unread = participantSetup.createStateConfig({
  description: "Work waits for the agent.",
  initial: "coalescing",
  states: {
    coalescing: {
      description: "A burst of messages is collected for a moment, so that it becomes one wake.",
      tags: "waiting",
      after: { coalescing: "deciding" },
      on: {
        "trigger.requested": { guard: "mayRequestWake", target: "deciding" },
        "override.forced": {
          guard: "mayForce",
          target: "deciding",
          actions: { type: "openWake", params: { forced: true } },
        },
      },
    },
    deciding: {
      description:
        "Chooses at once, in this order: nothing left; another living runtime in place of one that ended; held; blocked without recourse; wait; type into the living terminal; resume; spawn; give up visibly.",
      always: [
        { guard: "isAtRest", target: `${attention}.caughtUp` },
        { guard: "hasBetterRuntime", actions: "takeBetterRuntime" },
        { guard: "isHeld", target: "held" },
        { guard: "hasNoWake", actions: { type: "openWake", params: { forced: false } } },
        { guard: "mustBlock", target: `${attention}.blocked`, actions: "block" },
        { guard: "mustDefer", target: `${attention}.deferred`, actions: "noteDeferral" },
        { guard: "mayTrigger", target: `${attention}.triggering` },
        { guard: "mayResume", target: `${attention}.resuming` },
        { guard: "maySpawn", target: `${attention}.spawning` },
        { target: `${attention}.blocked`, actions: "block" },
      ],
    },
    held: {
      description:
        "Nobody may be woken: injection is paused (agent, workspace or runtime), or the thread is closed. Left when that ends, or when the agent reads by itself.",
      tags: "waiting",
      entry: "forgetWaiting",
      always: { guard: "isReleased", target: "deciding" },
    },
  },
});
