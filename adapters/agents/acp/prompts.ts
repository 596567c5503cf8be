import { wakeIdOf } from "../../ports/wake-line.ts";
import type { WakeVerdict } from "./protocol.ts";

/** One text on its way to the agent. */
export class Prompt {
  readonly text: string;
  /** Of the wake line that it ends with, or null. */
  readonly wakeId: string | null;
  /** `started` with the agent's first sign, `refused` when it did not take it. */
  readonly taken: Promise<Exclude<WakeVerdict, "queued">>;
  readonly #settle: (verdict: Exclude<WakeVerdict, "queued">) => void;
  isStarted = false;

  constructor(text: string) {
    this.text = text;
    this.wakeId = wakeIdOf(text.split("\n").at(-1) ?? "");
    const { promise, resolve } = Promise.withResolvers<Exclude<WakeVerdict, "queued">>();
    this.taken = promise;
    this.#settle = resolve;
  }

  start(): void {
    this.isStarted = true;
    this.#settle("started");
  }

  refuse(): void {
    this.#settle("refused");
  }
}

/** More than a person or a node has any use for. */
const mostQueued = 32;

/** Prompts one after the other; a wake whose turn is not over is not taken in a second time. */
export class PromptQueue {
  readonly #waiting: Prompt[] = [];
  running: Prompt | null = null;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** The prompt, or the one of the same wake that is on its way; null when too many wait. */
  add(text: string): Prompt | null {
    const prompt = new Prompt(text);
    const { wakeId } = prompt;
    const former = wakeId === null ? undefined : this.#all().find((each) => each.wakeId === wakeId);
    if (former !== undefined) return former;
    if (this.#waiting.length >= mostQueued) return null;
    this.#waiting.push(prompt);
    return prompt;
  }

  /** The next, which runs from now on; null while one runs, and when there is none. */
  begin(): Prompt | null {
    if (this.running !== null) return null;
    this.running = this.#waiting.shift() ?? null;
    return this.running;
  }

  #all(): Prompt[] {
    return this.running === null ? this.#waiting : [this.running, ...this.#waiting];
  }
}
