import type { Transaction } from "../../runtime/store.ts";
import type { Tripwire } from "./tripwire.ts";

/** What a transaction turned out to be for, told by what it writes. */
export type TransactionKind = "turn" | "post" | "ack" | "command" | "report" | "start";

export interface SeamedTransaction {
  tx: Transaction;
  /** Null while it has written nothing of interest. */
  kind: () => TransactionKind | null;
}

/** The transaction with seams around what a turn does in it. */
export function seamTransaction(
  tx: Transaction,
  wire: Tripwire,
  { isLeased }: { isLeased: boolean },
): SeamedTransaction {
  let kind: TransactionKind | null = null;
  let isTurn = false;
  const seamed: Transaction = {
    ...tx,
    async claimReady(request) {
      const claims = await tx.claimReady(request);
      isTurn = claims.length > 0;
      if (isTurn) wire.pass("turn.claimed");
      return claims;
    },
    async commitTurns(commits) {
      if (isTurn) wire.pass("turn.decided");
      await tx.commitTurns(commits);
      if (isTurn) kind = "turn";
      else if (commits.length > 0) kind ??= isLeased ? "start" : "command";
    },
    async appendMessage(message) {
      const appended = await tx.appendMessage(message);
      kind = "post";
      return appended;
    },
    async advanceCursor(request) {
      const member = await tx.advanceCursor(request);
      kind = "ack";
      return member;
    },
    async send(mail) {
      await tx.send(mail);
      if (isLeased) kind ??= "report";
    },
  };
  return { tx: seamed, kind: () => kind };
}
