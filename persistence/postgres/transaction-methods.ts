import type { Transaction } from "../../runtime/store.ts";
import * as actors from "./actors.ts";
import { asError } from "../as-error.ts";
import * as agents from "./agents.ts";
import { appendAudit } from "./audit.ts";
import { getIdempotent, putIdempotent } from "./idempotency.ts";
import { publishMail } from "./mailbox.ts";
import * as members from "./members.ts";
import * as messages from "./messages.ts";
import { asRouseError } from "./refusal.ts";
import type { Scope } from "./scope.ts";
import { getSetting, putSetting } from "./settings.ts";
import * as threads from "./threads.ts";
import { isTokenRevoked, revokeToken } from "./tokens.ts";
import * as turns from "./turns.ts";

/** `failure` tells why the transaction may not be committed, also when the work has swallowed the error. */
export function openTransaction(scope: Scope & { now: number }): {
  tx: Transaction;
  failure: () => Error | null;
} {
  let failure: Error | null = null;
  const orFail = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      failure ??= asError(asRouseError(error));
      throw failure;
    }
  };
  const tx: Transaction = {
    now: scope.now,
    claimReady: (request) => turns.claimReady(scope, request),
    claimActor: (address) => turns.claimActor(scope, address),
    commitTurns: (commits) => orFail(turns.commitTurns(scope, commits)),
    send: (mail) => orFail(turns.send(scope, mail)),
    publish: (message) => publishMail(scope, [message]),
    getActor: (address) => actors.getActor(scope, address),
    listActorsBySubject: (query) => actors.listActorsBySubject(scope, query),
    insertThread: (thread) => threads.insertThread(scope, thread),
    getThread: (threadId) => threads.getThread(scope, threadId),
    listThreads: (query) => threads.listThreads(scope, query),
    appendMessage: (message) => messages.appendMessage(scope, message),
    listMessages: (query) => messages.listMessages(scope, query),
    listLatestMessages: (query) => messages.listLatestMessages(scope, query),
    insertMember: (member) => members.insertMember(scope, member),
    getMember: (key) => members.getMember(scope, key),
    listMembers: (threadId) => members.listMembers(scope, threadId),
    advanceCursor: (request) => members.advanceCursor(scope, request),
    countUnread: (key) => members.countUnread(scope, key),
    listUnreadMembers: (query) => members.listUnreadMembers(scope, query),
    putAgent: (agent) => agents.putAgent(scope, agent),
    getAgent: (agentId) => agents.getAgent(scope, agentId),
    listAgents: (query) => agents.listAgents(scope, query),
    recordHeartbeat: (request) => agents.recordHeartbeat(scope, request),
    pauseAgent: (request) => agents.pauseAgent(scope, request),
    getIdempotent: (key) => getIdempotent(scope, key),
    putIdempotent: (key, record) => putIdempotent(scope, key, record),
    appendAudit: (entry) => appendAudit(scope, entry),
    revokeToken: (request) => revokeToken(scope, request),
    isTokenRevoked: (jti) => isTokenRevoked(scope, jti),
    getSetting: (name) => getSetting(scope, name),
    putSetting: (name, value) => putSetting(scope, name, value),
  };
  return { tx, failure: () => failure };
}
