import type { ActorEvent } from "../../../../runtime/store.ts";
import { eventOf } from "../participants.ts";

/** One engine at the same work: take events for participants durably, advance each chart, record what it asks for. */
export interface Contender {
  version: string;
  /** Submits all events, in batches where that is offered; resolves when every transition is durably committed. */
  take(mails: readonly ActorMail[]): Promise<void>;
  /** The same for one event, as fast as it can be had. */
  takeOne(mail: ActorMail): Promise<void>;
  /** Another way to take one, without mail: applied at once in the caller's own transaction. */
  commandOne?(mail: ActorMail): Promise<void>;
  close(): Promise<void>;
}

export interface ContenderOptions {
  /** An empty database of its own. */
  url: string;
  actors: number;
}

export interface ActorMail {
  /** Which participant. */
  index: number;
  event: ActorEvent;
}

/** How many events are submitted at once. */
export const submitBatch = 100;

export function batches<Item>(items: readonly Item[], size = submitBatch): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, batch) => items.slice(batch * size, (batch + 1) * size));
}

/** Gives each participant its next event, all participants in turn, so that no wave holds two events of one. */
export class Script {
  readonly #steps: number[];
  #next = 0;

  constructor(actors: number) {
    this.#steps = Array.from({ length: actors }, () => 0);
  }

  take(count: number): ActorMail[] {
    return Array.from({ length: count }, () => {
      const index = this.#next;
      this.#next = (index + 1) % this.#steps.length;
      const step = this.#steps[index] ?? 0;
      this.#steps[index] = step + 1;
      return { index, event: { ...eventOf(index, step) } };
    });
  }
}

/** Counts committed transitions up to the number that is awaited. */
export class FinishLine {
  #missing = 0;
  #reached: () => void = () => undefined;

  expect(count: number): Promise<void> {
    this.#missing = count;
    return new Promise((resolve) => (this.#reached = resolve));
  }

  passed(count: number): void {
    this.#missing -= count;
    if (this.#missing === 0) this.#reached();
    if (this.#missing < 0) throw new Error("more transitions were committed than events sent");
  }
}

/** Calls `work` for all items with so many under way at once. */
export async function concurrently<Item>(
  items: readonly Item[],
  clients: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let next = 0;
  const client = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item);
  };
  await Promise.all(Array.from({ length: clients }, client));
}
