import type { Transaction } from "../../runtime/store.ts";
import * as actors from "./actors.ts";
import { asError } from "../as-error.ts";
import * as agents from "./agents.ts";
import { publishMail } from "./mailbox.ts";
import * as operations from "./operations.ts";
import type { Scope } from "./state.ts";
import * as threads from "./threads.ts";
import * as turns from "./turns.ts";

/** `failure` tells why the transaction may not be committed, also when the work has swallowed the error. */
export function openTransaction(scope: Scope): { tx: Transaction; failure: () => Error | null } {
  let failure: Error | null = null;
  const orFail = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      failure ??= asError(error);
      throw failure;
    }
  };
  const tx: Transaction = {
    now: scope.now,
    claimReady: async (request) => actors.claimReady(scope, request),
    claimActor: async (address) => actors.claimActor(scope, address),
    commitTurns: async (commits) => orFail(() => turns.commitTurns(scope, commits)),
    send: async (mail) => orFail(() => turns.send(scope, mail)),
    publish: async (message) => publishMail(scope, message),
    getActor: async (address) => actors.getActor(scope, address),
    listActorsBySubject: async (query) => actors.listActorsBySubject(scope, query),
    insertThread: async (thread) => threads.insertThread(scope, thread),
    getThread: async (threadId) => threads.getThread(scope, threadId),
    listThreads: async (query) => threads.listThreads(scope, query),
    appendMessage: async (message) => threads.appendMessage(scope, message),
    listMessages: async (query) => threads.listMessages(scope, query),
    listLatestMessages: async (query) => threads.listLatestMessages(scope, query),
    insertMember: async (member) => threads.insertMember(scope, member),
    getMember: async (key) => threads.getMember(scope, key),
    listMembers: async (threadId) => threads.listMembers(scope, threadId),
    advanceCursor: async (request) => threads.advanceCursor(scope, request),
    countUnread: async (key) => threads.countUnread(scope, key),
    listUnreadMembers: async (query) => threads.listUnreadMembers(scope, query),
    putAgent: async (agent) => agents.putAgent(scope, agent),
    getAgent: async (agentId) => agents.getAgent(scope, agentId),
    listAgents: async (query) => agents.listAgents(scope, query),
    recordHeartbeat: async (request) => agents.recordHeartbeat(scope, request),
    pauseAgent: async (request) => agents.pauseAgent(scope, request),
    getIdempotent: async (key) => operations.getIdempotent(scope, key),
    putIdempotent: async (key, record) => operations.putIdempotent(scope, key, record),
    appendAudit: async (entry) => operations.appendAudit(scope, entry),
    revokeToken: async (request) => operations.revokeToken(scope, request),
    isTokenRevoked: async (jti) => operations.isTokenRevoked(scope, jti),
    getSetting: async (name) => operations.getSetting(scope, name),
    putSetting: async (name, value) => operations.putSetting(scope, name, value),
  };
  return { tx, failure: () => failure };
}
