import { participantSetup } from "./actions.ts";

const deciding = "#participant.attention.unread.deciding";

/** The wake ended without the agent being awake; a person sees the reason. */
export const blocked = participantSetup.createStateConfig({
  description:
    "Nobody is woken, for the reason in the context. Left by unblock, by an override, by the agent reading by itself, by the usage limit's reset where that is wanted, by the thread's own unblocking, or by news that the cause in the terminal is gone. `exhausted` and `operator` end only by command or by reading.",
  tags: "stuck",
  initial: "untilNews",
  exit: "clearBlock",
  always: [
    { guard: "isThreadClosed", target: deciding },
    { guard: "isThreadOpenAgain", target: deciding },
  ],
  on: {
    "unblock.requested": { guard: "mayUnblock", target: deciding },
    "override.forced": {
      guard: "mayForce",
      target: deciding,
      actions: { type: "openWake", params: { forced: true } },
    },
    "runtime.reported": { guard: "liftsBlock", target: deciding },
    "agent.reported": { guard: "liftsBlock", target: deciding },
    "state.reconciled": { guard: "liftsBlock", target: deciding },
  },
  states: {
    untilNews: {
      description: "Waits for a command or for news.",
      always: { guard: "wakesAtReset", target: "untilReset" },
    },
    untilReset: {
      description:
        "The usage limit ends at a known time and waking then is switched on: tries again at that time.",
      after: { limitReset: deciding },
    },
  },
});
