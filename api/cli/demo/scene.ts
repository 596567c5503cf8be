import { setTimeout as pause } from "node:timers/promises";
import type { Chronicle } from "./chronicle.ts";
import type { Stage } from "./stage.ts";

const lookAgainMs = 120;

/** Something did not happen in time. */
export class StoryStuck extends Error {
  override readonly name = "StoryStuck";
}

/** A story under way: its stage, what is known of it, and the patience that is left. */
export class Scene {
  readonly stage: Stage;
  readonly chronicle: Chronicle;
  readonly threadId: string;
  readonly #deadline: AbortSignal;

  /** `deadline` ends every wait. */
  constructor(parts: { stage: Stage; chronicle: Chronicle; threadId: string; deadline: AbortSignal }) {
    this.stage = parts.stage;
    this.chronicle = parts.chronicle;
    this.threadId = parts.threadId;
    this.#deadline = parts.deadline;
  }

  /** Follows the story until the condition holds. Throws `StoryStuck`, or what ended it. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (;;) {
      await this.chronicle.update();
      if (holds()) return;
      if (this.#deadline.aborted) throw stuck(what, this.#deadline.reason);
      await pause(lookAgainMs);
    }
  }

  /** Follows the story for a while. */
  async linger(ms: number): Promise<void> {
    const end = performance.now() + ms;
    await this.until("time to pass", () => performance.now() >= end);
  }

  hasPost(author: string, inReplyTo: number): boolean {
    return this.chronicle.messages.some(
      (message) => message.author === author && message.in_reply_to === inReplyTo,
    );
  }

  /** Every one of these agents has read what was addressed to it. */
  haveRead(...agents: readonly string[]): boolean {
    return agents.every((agent) => this.chronicle.standing(agent).attention === "caughtUp");
  }
}

function stuck(what: string, reason: unknown): Error {
  const isLate = reason instanceof Error && reason.name === "TimeoutError";
  return isLate ? new StoryStuck(`waited in vain for ${what}`) : (reason as Error);
}
