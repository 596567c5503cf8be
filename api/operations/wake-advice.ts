import type { BlockReason, DeferReason } from "../../machines/reasons.ts";

/** What a person or coordinator can do about a block. */
export const blockAdvice: Readonly<Record<BlockReason, string>> = {
  exhausted:
    "Every way was tried: see the wake's effects with list_wakes, cure the cause, then unblock_participant.",
  unmanaged:
    "Nothing of it is ours to wake: adopt its pane or launch it with register_runtime, or register_agent, so that it can be started.",
  humanPresent:
    "Somebody is at its terminal or left a draft there: finish or clear it, or override_participant.",
  agentBusy: "It has been at work for very long: look at its terminal, or override_participant.",
  stateUnknown: "Its screen is not understood: look at its terminal, or override_participant.",
  hostDown: "Start the node of that host, or register the agent on another host.",
  crashLooping:
    "The agent's program dies at once: look at its terminal, cure the cause, then unblock_participant.",
  permissionPending:
    "Somebody must answer the permission prompt: see it with list_prompts and answer with answer_prompt, or in the agent's terminal.",
  trustPending:
    "Somebody must answer the trust prompt: see it with list_prompts and answer with answer_prompt, or in the agent's terminal.",
  loginRequired: "Somebody must log in in the agent's terminal.",
  updatePending:
    "Somebody must answer the update prompt: see it with list_prompts, or in the agent's terminal.",
  usageLimit: "Wait for the limit's reset, or unblock_participant after raising it.",
  loopNoProgress:
    "The thread goes in circles: a person should write in it, then set its status to active with a reason.",
  loopRepeatedFinding:
    "The same finding came back again and again: decide it, then set the thread to active with a reason.",
  operator: "Somebody blocked it on purpose: unblock_participant when the reason is gone.",
};

export const heldAdvice =
  "Injection is paused: resume_injection for the agent, the thread, the workspace or the runtime.";

/** What stands in the way of a wake, in plain words. */
export const deferralWords: Readonly<Record<DeferReason, string>> = {
  humanTyping: "a person is at its keyboard, or left a draft",
  draftPresent: "an unsent draft stands in its input box",
  readingHistory: "somebody reads its history",
  agentBusy: "it is at work",
  dialogOpen: "a dialog is open in its terminal",
  stateUnknown: "its screen is not understood",
  rateLimited: "it was woken too often lately",
  runtimeStarting: "its terminal is starting",
  hostDraining: "its host is shutting down",
};
