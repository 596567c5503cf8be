import type { Engine } from "../../runtime/engine.ts";

/** The doorbell loses rings when its connection breaks: whoever waits looks by itself now and then. */
const lookEveryMs = 1_000;

/** Of one agent, and of all together. Whoever comes then is answered at once, as if the time were up. */
const most = { ofAgent: 32, ofAll: 1_000 } as const;

interface Wait {
  agentId: string;
  threadId: string;
  afterSeq: number;
  done: (isThere: boolean) => void;
}

export interface WaitRequest {
  /** Who waits. */
  agentId: string;
  threadId: string;
  /** Something newer than this is waited for. */
  afterSeq: number;
  waitMs: number;
  signal: AbortSignal | undefined;
}

/** Everybody who waits for messages of one workspace, in this process. One look at a time serves all of them. */
export class HeadWatch {
  readonly #engine: Engine;
  readonly #waits = new Set<Wait>();
  #looking = false;
  #again = false;
  #stop: (() => void) | null = null;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** True once the thread has something newer; false when the time is up or the signal was aborted. */
  waitFor({ agentId, threadId, afterSeq, waitMs, signal }: WaitRequest): Promise<boolean> {
    if (this.#isFull(agentId) || signal?.aborted === true || waitMs <= 0) return Promise.resolve(false);
    return new Promise((resolve) => {
      const give = (): void => wait.done(false);
      const timer = setTimeout(give, waitMs);
      const wait: Wait = {
        agentId,
        threadId,
        afterSeq,
        done: (isThere) => {
          clearTimeout(timer);
          signal?.removeEventListener("abort", give);
          this.#waits.delete(wait);
          if (this.#waits.size === 0) this.#rest();
          resolve(isThere);
        },
      };
      signal?.addEventListener("abort", give);
      this.#waits.add(wait);
      this.#start();
      // What was posted since the caller looked rang when nobody listened.
      this.#look();
    });
  }

  #isFull(agentId: string): boolean {
    if (this.#waits.size >= most.ofAll) return true;
    let own = 0;
    for (const wait of this.#waits) if (wait.agentId === agentId) own += 1;
    return own >= most.ofAgent;
  }

  #start(): void {
    if (this.#stop !== null) return;
    const look = (): void => this.#look();
    const end = this.#engine.onRing(look);
    const timer = setInterval(look, lookEveryMs);
    this.#stop = () => {
      end();
      clearInterval(timer);
    };
  }

  #rest(): void {
    this.#stop?.();
    this.#stop = null;
  }

  #look(): void {
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#looking = true;
    void this.#lookOnce()
      // A store that is away is asked again at the next tick; the waits have their own ends.
      .catch(() => undefined)
      .finally(() => {
        this.#looking = false;
        if (!this.#again || this.#waits.size === 0) return;
        this.#again = false;
        this.#look();
      });
  }

  async #lookOnce(): Promise<void> {
    const awaited = new Set([...this.#waits].map(({ threadId }) => threadId));
    if (awaited.size === 0) return;
    const heads = await this.#engine.store.transaction(
      async (tx) => {
        const threads = await Promise.all([...awaited].map((id) => tx.getThread(id)));
        return new Map(threads.map((thread) => [thread?.threadId, thread?.headSeq ?? 0]));
      },
      { readOnly: true },
    );
    for (const wait of [...this.#waits]) {
      if ((heads.get(wait.threadId) ?? 0) > wait.afterSeq) wait.done(true);
    }
  }
}

const watches = new WeakMap<Engine, HeadWatch>();

/** The one of this workspace. */
export function headWatchOf(engine: Engine): HeadWatch {
  const found = watches.get(engine) ?? new HeadWatch(engine);
  watches.set(engine, found);
  return found;
}
