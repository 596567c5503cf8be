import type { JournalEntry, Message, Runtime } from "../payloads.ts";
import type { Tone } from "../render/paper.ts";
import type { Stage } from "./stage.ts";
import { tellParticipant, tellRuntime, type Telling } from "./telling.ts";

/** One line of the timeline. */
export interface Line {
  /** Epoch ms, by the clock of the database for what Rouse recorded. */
  at: number;
  actor: string;
  what: string;
  tone: Tone;
}

/** The latest that the journals say of one participant. */
export interface Standing {
  attention: string;
  /** Why it waits, while it is deferred. */
  deferReason: string | null;
}

/** Follows messages and journals by asking the node again and again. What it tells was recorded; nothing is made up. */
export class Chronicle {
  readonly lines: Line[] = [];
  readonly messages: Message[] = [];
  runtimes: readonly Runtime[] = [];
  /** Every reason for which a wake waited, as `agent reason`. */
  readonly deferrals = new Set<string>();
  readonly #stage: Stage;
  readonly #agents: readonly string[];
  readonly #onLine: (line: Line) => void;
  readonly #cursors = new Map<string, string>();
  readonly #tellings = new Map<string, Telling>();
  #threadId: string | null = null;

  constructor(stage: Stage, agents: readonly string[], onLine: (line: Line) => void) {
    this.#stage = stage;
    this.#agents = agents;
    this.#onLine = onLine;
  }

  follow(threadId: string): void {
    this.#threadId = threadId;
  }

  say(actor: string, what: string, tone: Tone = "strong"): void {
    this.#write([{ at: Date.now(), actor, what, tone }]);
  }

  standing(agentId: string): Standing {
    const telling = this.#tellings.get(`participant/${this.#threadId}.${agentId}`);
    return { attention: telling?.state ?? "", deferReason: telling?.deferReason ?? null };
  }

  /** The runtime of the agent that lives, or null. */
  livingRuntime(agentId: string): Runtime | null {
    const ended = ["dead", "deregistered", "crashLooping"];
    return (
      this.runtimes.find((each) => each.agent_id === agentId && !ended.includes(each.state ?? "dead")) ?? null
    );
  }

  /** Reads what is new and tells it. */
  async update(): Promise<void> {
    const { runtimes } = await this.#stage.call("list_runtimes", { limit: 100 });
    this.runtimes = runtimes;
    const news: Line[] = [];
    for (const { runtime_id, agent_id } of runtimes) {
      const entries = await this.#journal(`runtime/${runtime_id}`);
      news.push(...this.#tell(`runtime/${runtime_id}`, agent_id, entries));
    }
    if (this.#threadId !== null) news.push(...(await this.#threadNews(this.#threadId)));
    this.#write(news.toSorted((one, other) => one.at - other.at));
  }

  async #threadNews(threadId: string): Promise<Line[]> {
    const after = this.messages.at(-1)?.seq ?? 0;
    const { messages } = await this.#stage.call("read_messages", { thread_id: threadId, after_seq: after });
    this.messages.push(...messages);
    const news = messages.map(messageLine);
    for (const agent of this.#agents) {
      const address = `participant/${threadId}.${agent}`;
      news.push(...this.#tell(address, agent, await this.#journal(address)));
    }
    return news;
  }

  #tell(address: string, agent: string, entries: readonly JournalEntry[]): Line[] {
    const tell = address.startsWith("runtime/") ? tellRuntime : tellParticipant;
    return entries.flatMap((entry) => {
      const telling = tell(this.#tellings.get(address) ?? null, entry);
      this.#tellings.set(address, telling);
      if (telling.deferReason !== null) this.deferrals.add(`${agent} ${telling.deferReason}`);
      return telling.words === null
        ? []
        : [{ at: Date.parse(entry.at), actor: agent, what: telling.words, tone: telling.tone }];
    });
  }

  /** Per actor, because its entries have no gaps: a cursor over all actors could pass one that commits late. */
  async #journal(address: string): Promise<JournalEntry[]> {
    const cursor = this.#cursors.get(address);
    const page = await this.#stage.call("get_journal", { address, limit: 100, cursor });
    const last = page.entries.at(-1);
    if (last !== undefined) this.#cursors.set(address, String(last.seq));
    return page.entries;
  }

  #write(lines: readonly Line[]): void {
    this.lines.push(...lines);
    for (const line of lines) this.#onLine(line);
  }
}

function messageLine({ seq, author, kind, to, body, created_at }: Message): Line {
  const direction = to === null ? "everybody" : to.join(", ");
  const what = `posts #${seq} (${kind}) to ${direction}: “${body}”`;
  return { at: Date.parse(created_at), actor: author, what, tone: "strong" };
}
