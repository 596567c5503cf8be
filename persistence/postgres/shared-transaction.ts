import type { NewAuditEntry } from "../../runtime/domain.ts";
import type { IdempotencyRecord, NewMail, Transaction } from "../../runtime/store.ts";
import { reads } from "../read-only.ts";
import { appendAudit } from "./audit.ts";
import { Gathered } from "./gathered.ts";
import { getIdempotent, putIdempotent, type IdempotencyKey } from "./idempotency.ts";
import { advanceCursors, getMembers } from "./members.ts";
import { appendMessages } from "./messages.ts";
import type { Scope } from "./scope.ts";

/**
 * One open transaction for several calls at once. What they ask for at the same moment is answered by one statement of each
 * kind; everything else goes its own way. A statement that locks waits until all who are on their way to it are there: so
 * the locks of all are taken together, in one order.
 */
export interface SharedTransaction {
  /** For one of the calls. `onWrite` hears when there is something to undo. */
  openFor: (onWrite: () => void) => Transaction;
  /** Sends what nobody waits for, and throws what became of it. */
  finish: () => Promise<void>;
}

export function shareTransaction(scope: Scope, tx: Transaction): SharedTransaction {
  const flights = new Flights();
  const unawaited: Promise<unknown>[] = [];
  const kinds = gather(scope, tx, () => flights.schedule());
  const { keys, members, messages, cursors, mail, records, audit } = kinds;
  flights.stages = [[keys], [members], [messages, cursors], [mail, records, audit]];
  const gathering: Transaction = {
    ...tx,
    getIdempotent: (key) => keys.ask(key),
    getMembers: (wanted) => members.ask(wanted),
    appendMessage: (message) => messages.ask(message),
    advanceCursor: (request) => cursors.ask(request),
    send: (each) => mail.ask(each),
    putIdempotent: (id, record) => records.ask({ id, record }),
    async appendAudit(entry) {
      const asked = audit.ask(entry);
      // Nobody listens until the end.
      asked.catch(() => undefined);
      unawaited.push(asked);
    },
  };
  const finish = async (): Promise<void> => {
    await audit.send();
    await Promise.all(unawaited);
  };
  return { openFor: (onWrite) => tellingWrites(gathering, onWrite), finish };
}

type Asked<Name extends keyof Transaction> = Transaction[Name] extends (given: infer Given) => unknown
  ? readonly Given[]
  : never;

function gather(scope: Scope, tx: Transaction, onAsked: () => void) {
  const keyed = (records: readonly { id: IdempotencyKey; record: IdempotencyRecord }[]) =>
    nothingFor(records, putIdempotent(scope, records));
  return {
    keys: new Gathered((keys: readonly IdempotencyKey[]) => getIdempotent(scope, keys), onAsked),
    members: new Gathered((wanted: Asked<"getMembers">) => getMembers(scope, wanted), onAsked),
    messages: new Gathered((posts: Asked<"appendMessage">) => appendMessages(scope, posts), onAsked),
    cursors: new Gathered((moves: Asked<"advanceCursor">) => advanceCursors(scope, moves), onAsked),
    mail: new Gathered(
      (sent: readonly (readonly NewMail[])[]) => nothingFor(sent, tx.send(sent.flat())),
      onAsked,
    ),
    records: new Gathered(keyed, onAsked),
    audit: new Gathered(
      (entries: readonly NewAuditEntry[]) => nothingFor(entries, appendAudit(scope, entries)),
      onAsked,
    ),
  };
}

async function nothingFor(requests: readonly unknown[], work: Promise<void> | void): Promise<undefined[]> {
  await work;
  return requests.map(() => undefined);
}

/** One at a time: what is asked for while one is under way travels with the next. */
class Flights {
  /** A call comes by these in this order. What stands in one row travels together. */
  stages: readonly (readonly Pick<Gathered<unknown, unknown>, "isAsked" | "send">[])[] = [];
  #isUnderWay = false;
  #isScheduled = false;

  /** When everything that goes on without an answer has come to ask. */
  schedule(): void {
    if (this.#isScheduled || this.#isUnderWay) return;
    this.#isScheduled = true;
    queueMicrotask(() => process.nextTick(() => void this.#fly()));
  }

  async #fly(): Promise<void> {
    this.#isScheduled = false;
    const stage = this.stages.find((kinds) => kinds.some(({ isAsked }) => isAsked));
    if (stage === undefined) return;
    this.#isUnderWay = true;
    await Promise.all(stage.map((kind) => kind.send()));
    this.#isUnderWay = false;
    this.schedule();
  }
}

/** A message that was refused left nothing behind, and a look at a key changes nothing. */
function tellingWrites(tx: Transaction, onWrite: () => void): Transaction {
  return new Proxy(tx, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== "function" || reads.has(name) || name === "getIdempotent") return member;
      return (...given: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(member, target, given);
        if (name !== "appendMessage") onWrite();
        else if (answer instanceof Promise) answer.then(onWrite, () => undefined);
        return answer;
      };
    },
  });
}
