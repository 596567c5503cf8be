/** Closed lists of reason codes: every wait, refusal, hop and block names one of these. */

/** Why a wake waits although work is unread. */
export const deferReasons = [
  "humanTyping",
  "draftPresent",
  "readingHistory",
  "agentBusy",
  "dialogOpen",
  "stateUnknown",
  "rateLimited",
  "runtimeStarting",
  "hostDraining",
] as const;
export type DeferReason = (typeof deferReasons)[number];

/** Why a hop of a wake (trigger, resume, spawn) did not work. */
export const hopReasons = [
  "noRuntime",
  "unmanaged",
  "injectionPaused",
  "terminalMissing",
  "identityMismatch",
  "bareShell",
  "notSubmitted",
  "notAcknowledged",
  "outcomeUncertain",
  "deferredTooLong",
  "portFailed",
  "hostSilent",
  "noSession",
  "sessionStale",
  "sessionHeld",
  "resumeExhausted",
  "crashLooping",
  "launchFailed",
  "runtimeDied",
  "notSpawnable",
  "spawnExhausted",
] as const;
export type HopReason = (typeof hopReasons)[number];

/** Why a participant is blocked. */
export const blockReasons = [
  "exhausted",
  "unmanaged",
  "humanPresent",
  "agentBusy",
  "stateUnknown",
  "hostDown",
  "crashLooping",
  "permissionPending",
  "trustPending",
  "loginRequired",
  "updatePending",
  "usageLimit",
  "loopNoProgress",
  "loopRepeatedFinding",
  "operator",
] as const;
export type BlockReason = (typeof blockReasons)[number];

/** Why a person is called: whatever blocks, and what stands still without anybody being blocked. */
export const escalationReasons = [...blockReasons, "unanswered"] as const;
export type EscalationReason = (typeof escalationReasons)[number];
