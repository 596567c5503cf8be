import type { Transaction } from "../../runtime/store.ts";
import * as actors from "./actors.ts";
import { asError } from "../as-error.ts";
import * as agents from "./agents.ts";
import { appendAudit } from "./audit.ts";
import * as charts from "./charts.ts";
import { decideDeadLetter, getDeadLetter } from "./dead-letters.ts";
import { publishMail } from "./mailbox.ts";
import { forgetHost } from "./nodes.ts";
import * as operations from "./operations.ts";
import type { Scope } from "./state.ts";
import * as threads from "./threads.ts";
import * as tokens from "./tokens.ts";
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
    claimUnrunnable: async (request) => charts.claimUnrunnable(scope, request),
    claimSetAside: async (request) => charts.claimSetAside(scope, request),
    commitTurns: async (commits) => orFail(() => turns.commitTurns(scope, commits)),
    send: async (mail) => orFail(() => turns.send(scope, mail)),
    publish: async (message) => publishMail(scope, message),
    decideDeadLetter: async (request) => decideDeadLetter(scope, request),
    getDeadLetter: async (id) => getDeadLetter(scope, id),
    forgetHost: async (request) => forgetHost(scope, request),
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
    getMembers: async (keys) => threads.getMembers(scope, keys),
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
    appendAudit: async (entry) => appendAudit(scope, entry),
    supersedeSigningKey: async (request) => tokens.supersedeSigningKey(scope, request),
    insertSigningKey: async (request) => tokens.insertSigningKey(scope, request),
    retireSigningKey: async (request) => tokens.retireSigningKey(scope, request),
    readTokenTrust: async () => tokens.readTokenTrust(scope),
    insertToken: async (token) => tokens.insertToken(scope, token),
    getToken: async (jti) => tokens.getToken(scope, jti),
    listTokens: async (request) => tokens.listTokens(scope, request),
    revokeToken: async (request) => tokens.revokeToken(scope, request),
    revokeTokensOf: async (request) => tokens.revokeTokensOf(scope, request),
    pruneTokens: async (request) => tokens.pruneTokens(scope, request),
    getSetting: async (name) => operations.getSetting(scope, name),
    putSetting: async (name, value) => operations.putSetting(scope, name, value),
  };
  return { tx, failure: () => failure };
}
