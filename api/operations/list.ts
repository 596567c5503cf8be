import { listAgents, registerAgent } from "./agents.ts";
import { createThread } from "./create-thread.ts";
import { getJournal, listAudit, listDeadLetters, listWakes } from "./evidence.ts";
import { explain } from "./explain.ts";
import { getThread, listThreads, summarizeThread } from "./find-threads.ts";
import { heartbeatSession } from "./heartbeat.ts";
import { pauseInjection, resumeInjection } from "./injection.ts";
import type { Operation } from "./operation.ts";
import {
  addParticipant,
  blockParticipant,
  listParticipants,
  overrideParticipant,
  unblockParticipant,
} from "./participants.ts";
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
import { getStatus } from "./status.ts";
import { issueToken, revokeToken } from "./token-operations.ts";
import { triggerParticipant } from "./trigger-participant.ts";
import { updateThreadStatus } from "./update-thread-status.ts";

/** Every operation, in the order in which they are shown. HTTP routes, MCP tools, the permission matrix and the docs come from here. */
export const operations: readonly Operation[] = [
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
  registerAgent,
  listAgents,
  registerRuntime,
  listRuntimes,
  getRuntime,
  deregisterRuntime,
  reconcileRuntime,
  changeRuntimeManagement,
  getStatus,
  getJournal,
  listDeadLetters,
  listAudit,
  issueToken,
  revokeToken,
];

const byName = new Map(operations.map((operation) => [operation.name, operation]));

export function getOperation(name: string): Operation | null {
  return byName.get(name) ?? null;
}
