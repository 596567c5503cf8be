import { RouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import type { TokenTransaction } from "../../runtime/token-records.ts";
import * as actors from "./actors.ts";
import { asError } from "../as-error.ts";
import * as agents from "./agents.ts";
import * as charts from "./charts.ts";
import { appendAudit } from "./audit.ts";
import { claimReady, type EarlyClaim } from "./claim.ts";
import { decideDeadLetter, getDeadLetter } from "./dead-letters.ts";
import { getIdempotent, putIdempotent } from "./idempotency.ts";
import { publishMail } from "./mailbox.ts";
import * as members from "./members.ts";
import * as messages from "./messages.ts";
import { forgetHost } from "./nodes.ts";
import { asRouseError } from "./refusal.ts";
import type { Scope } from "./scope.ts";
import { getSetting, putSetting } from "./settings.ts";
import * as signingKeys from "./signing-keys.ts";
import * as threads from "./threads.ts";
import * as tokens from "./tokens.ts";
import * as turns from "./turns.ts";

/** `failure` tells why the transaction may not be committed, also when the work has swallowed the error. */
export function openTransaction(
  scope: Scope & { now: number },
  early: EarlyClaim,
): {
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
    claimReady: (request) => early.take(request) ?? claimReady(scope, request),
    claimActor: (address) => turns.claimActor(scope, address),
    claimUnrunnable: (request) => charts.claimUnrunnable(scope, request),
    claimSetAside: (request) => charts.claimSetAside(scope, request),
    commitTurns: (commits) => orFail(turns.commitTurns(scope, commits)),
    send: (mail) => orFail(turns.send(scope, mail)),
    publish: (message) => publishMail(scope, [message]),
    decideDeadLetter: (request) => decideDeadLetter(scope, request),
    getDeadLetter: (id) => getDeadLetter(scope, id),
    forgetHost: (request) => forgetHost(scope, request),
    getActor: (address) => actors.getActor(scope, address),
    listActorsBySubject: (query) => actors.listActorsBySubject(scope, query),
    insertThread: (thread) => threads.insertThread(scope, thread),
    getThread: (threadId) => threads.getThread(scope, threadId),
    listThreads: (query) => threads.listThreads(scope, query),
    appendMessage: async (message) => only(await messages.appendMessages(scope, [message])),
    listMessages: (query) => messages.listMessages(scope, query),
    listLatestMessages: (query) => messages.listLatestMessages(scope, query),
    insertMember: (member) => members.insertMember(scope, member),
    getMember: (key) => members.getMember(scope, key),
    getMembers: async (keys) => only(await members.getMembers(scope, [keys])),
    listMembers: (threadId) => members.listMembers(scope, threadId),
    advanceCursor: async (request) => only(await members.advanceCursors(scope, [request])),
    countUnread: (key) => members.countUnread(scope, key),
    listUnreadMembers: (query) => members.listUnreadMembers(scope, query),
    putAgent: (agent) => agents.putAgent(scope, agent),
    getAgent: (agentId) => agents.getAgent(scope, agentId),
    listAgents: (query) => agents.listAgents(scope, query),
    recordHeartbeat: (request) => agents.recordHeartbeat(scope, request),
    pauseAgent: (request) => agents.pauseAgent(scope, request),
    getIdempotent: async (key) => only(await getIdempotent(scope, [key])),
    putIdempotent: (id, record) => putIdempotent(scope, [{ id, record }]),
    appendAudit: async (entry) => appendAudit(scope, [entry]),
    ...tokenMethods(scope),
    getSetting: (name) => getSetting(scope, name),
    putSetting: (name, value) => putSetting(scope, name, value),
  };
  return { tx, failure: () => failure };
}

/** The answer to the one question asked. */
function only<Answer>([answer]: readonly Answer[]): Exclude<Answer, Error | undefined> {
  if (answer === undefined) throw new RouseError("internal", "The database left a question unanswered.");
  if (answer instanceof Error) throw answer;
  return answer as Exclude<Answer, Error | undefined>;
}

function tokenMethods(scope: Scope & { now: number }): TokenTransaction {
  return {
    supersedeSigningKey: (request) => signingKeys.supersedeSigningKey(scope, request),
    insertSigningKey: (key) => signingKeys.insertSigningKey(scope, key),
    retireSigningKey: (request) => signingKeys.retireSigningKey(scope, request),
    readTokenTrust: () => tokens.readTokenTrust(scope),
    insertToken: (token) => tokens.insertToken(scope, token),
    getToken: (jti) => tokens.getToken(scope, jti),
    listTokens: (query) => tokens.listTokens(scope, query),
    revokeToken: (request) => tokens.revokeToken(scope, request),
    revokeTokensOf: (request) => tokens.revokeTokensOf(scope, request),
    pruneTokens: (request) => tokens.pruneTokens(scope, request),
  };
}
