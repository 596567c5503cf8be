import type { Planted } from "./planted.ts";
import { withTransactions } from "./broken-store.ts";

const lost = new Error("lost");

/** 1 to 4: bugs around messages, keys and cursors. */
export const messageBugs: readonly Planted[] = [
  {
    invariant: 1,
    name: "answers before the commit",
    sentence: "The store answers a post and then rolls it back.",
    plant: {
      store: (store, { choices }) => ({
        ...store,
        async transaction(work, options) {
          let answer: { result: Awaited<ReturnType<typeof work>> } | undefined;
          try {
            return await store.transaction(async (tx) => {
              let hasPosted = false;
              const result = await work({
                ...tx,
                appendMessage(message) {
                  hasPosted = true;
                  return tx.appendMessage(message);
                },
              });
              answer = { result };
              if (hasPosted && choices.chance("planted", 0.2)) throw lost;
              return result;
            }, options);
          } catch (error) {
            if (error === lost && answer !== undefined) return answer.result;
            throw error;
          }
        },
      }),
    },
  },
  {
    invariant: 2,
    name: "numbers from a sequence",
    sentence: "Message numbers come from a counter that a rolled back transaction does not give back.",
    plant: {
      store(store, { state }) {
        const counters = new Map<string, number>();
        return withTransactions(store, (tx) => ({
          async appendMessage(message) {
            const written = await tx.appendMessage(message);
            const { threadId } = message;
            const seq = (counters.get(threadId) ?? 0) + 1;
            counters.set(threadId, seq);
            const all = state.messages.get(threadId) ?? [];
            state.messages.put(threadId, [...all.slice(0, -1), { ...written.message, seq }]);
            return { ...written, message: { ...written.message, seq } };
          },
        }));
      },
    },
  },
  {
    invariant: 3,
    name: "keys are forgotten",
    sentence: "Some idempotency keys are not written down with the change they stand for.",
    plant: {
      store: (store, { choices }) =>
        withTransactions(store, (tx) => ({
          putIdempotent: (key, record) =>
            choices.chance("planted", 0.3) ? Promise.resolve() : tx.putIdempotent(key, record),
        })),
    },
  },
  {
    invariant: 4,
    name: "the last ack wins",
    sentence: "A cursor is set to whatever the client says, also when that is less than before.",
    plant: {
      store: (store, { state }) =>
        withTransactions(store, (tx) => ({
          async advanceCursor(request) {
            const member = await tx.advanceCursor(request);
            const lastReadSeq = Math.min(request.seq, member.lastReadSeq);
            state.members.put(`${member.threadId}/${member.agentId}`, { ...member, lastReadSeq });
            return { ...member, lastReadSeq };
          },
        })),
    },
  },
];
