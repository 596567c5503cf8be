import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "./client.ts";

/** A post that the caller was told is stored. */
export interface Acknowledged {
  threadId: string;
  seq: number;
  body: string;
}

export interface TrafficOptions {
  /** The operator's; posts and makes the threads. */
  operator: Client;
  /** Of each agent, for reading. */
  reader: (agentId: string) => Promise<Client>;
  threads: number;
  /** Each post waits this long after the one before it in its thread. */
  everyMs: number;
}

/** Posts into several threads at once while their participants read and acknowledge. */
export class Traffic {
  readonly acknowledged: Acknowledged[] = [];
  readonly #options: TrafficOptions;
  readonly #posters: Promise<void>[] = [];
  readonly #readers: Promise<void>[] = [];
  /** Posters stop first, so that readers see everything that was posted. */
  #starts = 0;
  #posting = false;
  #reading = false;
  /** Why a caller had to give up, or null. */
  #failure: Error | null = null;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  get #threadIds(): string[] {
    return Array.from({ length: this.#options.threads }, (_, index) => `load-${this.#starts}-${index + 1}`);
  }

  /** May be called again after `stop`: it goes on with new threads. */
  async start(): Promise<void> {
    this.#posting = true;
    this.#reading = true;
    this.#starts += 1;
    for (const threadId of this.#threadIds) {
      const agents = [`${threadId}-a`, `${threadId}-b`];
      await this.#options.operator.call("POST", "/v1/threads", {
        key: `create-${threadId}`,
        body: { thread_id: threadId, title: "Load", participants: agents },
      });
      this.#posters.push(this.#guarded(this.#post(threadId)));
      for (const agent of agents) this.#readers.push(this.#guarded(this.#read(threadId, agent)));
    }
  }

  /** Throws what made a caller give up. */
  requireAlive(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  /** No more posts; resolves when everything posted was read. Rejects when a caller had to give up. */
  async stop(): Promise<void> {
    this.#posting = false;
    await Promise.all(this.#posters);
    this.#reading = false;
    await Promise.all(this.#readers);
    this.requireAlive();
  }

  #guarded(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#failure ??= error as Error;
    });
  }

  async #post(threadId: string): Promise<void> {
    let number = 0;
    while (this.#posting) {
      number += 1;
      const body = `${threadId} number ${number}`;
      const { seq } = await this.#options.operator.call<{ seq: number }>(
        "POST",
        `/v1/threads/${threadId}/messages`,
        { key: `${threadId}-${number}`, body: { body } },
      );
      this.acknowledged.push({ threadId, seq, body });
      await pause(this.#options.everyMs);
    }
  }

  async #read(threadId: string, agent: string): Promise<void> {
    const client = await this.#options.reader(agent);
    for (let cursor = 0; ;) {
      const last = !this.#reading;
      const query = `after_seq=${cursor}&limit=100`;
      const { messages } = await client.call<{ messages: { seq: number }[] }>(
        "GET",
        `/v1/threads/${threadId}/messages?${query}`,
      );
      cursor = messages.at(-1)?.seq ?? cursor;
      if (messages.length > 0) {
        await client.call("POST", `/v1/threads/${threadId}/ack`, { body: { seq: cursor } });
      } else if (last) return;
      await pause(this.#options.everyMs);
    }
  }
}
