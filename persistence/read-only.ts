import { RouseError } from "../runtime/errors.ts";
import type { Transaction } from "../runtime/store.ts";

/** Everything else writes or locks. */
export const reads: ReadonlySet<string | symbol> = new Set<keyof Transaction>([
  "now",
  "getActor",
  "getDeadLetter",
  "listActorsBySubject",
  "getThread",
  "listThreads",
  "listMessages",
  "listLatestMessages",
  "getMember",
  "getMembers",
  "listMembers",
  "countUnread",
  "listUnreadMembers",
  "getAgent",
  "listAgents",
  "readTokenTrust",
  "getToken",
  "listTokens",
  "getSetting",
]);

/** The same transaction with its writing and locking methods refused. */
export function readOnly(tx: Transaction): Transaction {
  return new Proxy(tx, {
    get(target, name, receiver) {
      const isAllowed = typeof name !== "string" || !(name in target) || reads.has(name);
      const member: unknown = isAllowed ? Reflect.get(target, name, receiver) : refuse(name);
      return member;
    },
  });
}

function refuse(name: string): () => Promise<never> {
  return () => Promise.reject(new RouseError("internal", `${name} was called in a read-only transaction.`));
}
