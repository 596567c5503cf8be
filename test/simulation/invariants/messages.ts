import type { CheckFamily, Commit, Outcome, Post, SimWorld } from "../contract.ts";
import type { Message } from "../../../runtime/domain.ts";

/** 1, 2, 3, 4: messages, their numbers, idempotency keys and cursors, in the tables and as clients see them. */
export class MessageChecks implements CheckFamily {
  readonly #world: SimWorld;
  readonly #posts: Post[] = [];

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit({ changes }: Commit): void {
    const { state } = this.#world;
    for (const { key, before = [], after = [] } of changes.messages) {
      if (before.some((message, index) => after[index] !== message)) {
        this.#world.violated(1, `a message of ${key} was changed or removed`);
      }
      after.forEach(({ seq }, index) => {
        if (seq !== index + 1) this.#world.violated(2, `message ${index + 1} of ${key} has seq ${seq}`);
      });
      const head = state.threads.get(key)?.headSeq;
      if (head !== after.length)
        this.#world.violated(2, `${key} has head ${head} and ${after.length} messages`);
    }
    for (const { key, before, after } of changes.members) {
      if (after === undefined) return this.#world.violated(4, `the cursor of ${key} was removed`);
      const head = state.threads.get(after.threadId)?.headSeq ?? 0;
      if (after.lastReadSeq > head) this.#world.violated(4, `the cursor of ${key} passes the head ${head}`);
      if (before !== undefined && after.lastReadSeq < before.lastReadSeq) {
        this.#world.violated(
          4,
          `the cursor of ${key} went from ${before.lastReadSeq} back to ${after.lastReadSeq}`,
        );
      }
    }
  }

  /** `seqs`: every answer the client got for the same key. */
  onAcknowledged(post: Post, seqs: readonly number[]): void {
    this.#posts.push(post);
    this.#requireKept(post);
    if (new Set(seqs).size > 1) {
      this.#world.violated(
        3,
        `${post.author} asked once for "${post.body}" and was told seqs ${seqs.join(" and ")}`,
      );
    }
  }

  onReusedKey(outcome: Outcome): void {
    if (outcome.type === "done") this.#world.violated(3, "a key was accepted again with another body");
  }

  onRead(input: { thread_id: string; after_seq: number }, outcome: Outcome): void {
    if (outcome.type !== "done") return;
    const { messages } = outcome.result as { messages: { seq: number; body: unknown }[] };
    messages.forEach(({ seq }, index) => {
      const expected = input.after_seq + index + 1;
      if (seq !== expected)
        this.#world.violated(4, `reading ${input.thread_id} gave ${seq} where ${expected} stands`);
    });
  }

  atRest(): void {
    for (const post of this.#posts) {
      this.#requireKept(post);
      const copies = this.#messagesOf(post).filter(
        ({ body, author }) => body === post.body && author === post.author,
      );
      const isOwnWords = post.body.startsWith(post.author);
      if (isOwnWords && copies.length !== 1)
        this.#world.violated(3, `"${post.body}" stands there ${copies.length} times`);
    }
  }

  #requireKept(post: Post): void {
    const kept = this.#messagesOf(post)[post.seq - 1];
    if (kept?.body === post.body && kept.author === post.author) return;
    this.#world.violated(
      1,
      `"${post.body}" was acknowledged as ${post.threadId} ${post.seq} and is not there`,
    );
  }

  #messagesOf({ threadId }: Post): readonly Message[] {
    return this.#world.state.messages.get(threadId) ?? [];
  }
}
