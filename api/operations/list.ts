import { listAgents, registerAgent } from "./agents.ts";
import { createThread } from "./create-thread.ts";
import { discardDeadLetter, getDeadLetter, listDeadLetters, requeueDeadLetter } from "./dead-letters.ts";
import { getEffect, listEffects } from "./effects.ts";
import { getAuditEntry, getAuditHead, listAudit } from "./audit-trail.ts";
import { getJournal, listWakes } from "./evidence.ts";
import { listEvents } from "./events.ts";
import { listEscalations } from "./escalations.ts";
import {
  listNotifications,
  retryNotifications,
  switchNotifications,
  testNotifications,
} from "./notifications.ts";
import { explain } from "./explain.ts";
import { getThread, listThreads, summarizeThread } from "./find-threads.ts";
import { heartbeatSession } from "./heartbeat.ts";
import { pauseInjection, resumeInjection } from "./injection.ts";
import { listNodes } from "./nodes.ts";
import type { Operation } from "./operation.ts";
import {
  addParticipant,
  blockParticipant,
  listParticipants,
  overrideParticipant,
  unblockParticipant,
} from "./participants.ts";
import { listQuarantined, releaseActor } from "./quarantine.ts";
import { answerPrompt, listPrompts } from "./prompts.ts";
import { postMessage } from "./post-message.ts";
import { ackRead, readMessages } from "./read-messages.ts";
import { registerRuntime } from "./register-runtime.ts";
import {
  changeRuntimeManagement,
  deregisterRuntime,
  getRuntime,
  listRuntimes,
  reconcileRuntime,
} from "./runtimes.ts";
import { listSigningKeys, retireSigningKey, rotateSigningKey } from "./signing-keys.ts";
import { getStatus } from "./status.ts";
import { issueToken, listTokens, refreshToken, revokeToken, revokeTokensOf } from "./token-operations.ts";
import { triggerParticipant } from "./trigger-participant.ts";
import { updateThreadStatus } from "./update-thread-status.ts";
import { verifyAudit } from "./verify-audit.ts";

const all = [
  createThread,
  getThread,
  listThreads,
  postMessage,
  readMessages,
  ackRead,
  updateThreadStatus,
  summarizeThread,
  heartbeatSession,
  triggerParticipant,
  addParticipant,
  listParticipants,
  blockParticipant,
  unblockParticipant,
  overrideParticipant,
  pauseInjection,
  resumeInjection,
  explain,
  listWakes,
  listEscalations,
  listNotifications,
  testNotifications,
  retryNotifications,
  switchNotifications,
  registerAgent,
  listAgents,
  registerRuntime,
  listRuntimes,
  getRuntime,
  deregisterRuntime,
  reconcileRuntime,
  changeRuntimeManagement,
  listPrompts,
  answerPrompt,
  getStatus,
  getJournal,
  listEvents,
  listDeadLetters,
  getDeadLetter,
  requeueDeadLetter,
  discardDeadLetter,
  listQuarantined,
  releaseActor,
  listEffects,
  getEffect,
  listNodes,
  listAudit,
  getAuditHead,
  verifyAudit,
  getAuditEntry,
  issueToken,
  refreshToken,
  listTokens,
  revokeToken,
  revokeTokensOf,
  listSigningKeys,
  rotateSigningKey,
  retireSigningKey,
] as const;

/** Every operation, in the order in which they are shown. HTTP routes, MCP tools, the permission matrix and the docs come from here. */
export const operations: readonly Operation[] = all;

/** The definitions with their own types: clients take theirs from here. */
export type KnownOperation = (typeof all)[number];

const byName = new Map(operations.map((operation) => [operation.name, operation]));

export function getOperation(name: string): Operation | null {
  return byName.get(name) ?? null;
}
