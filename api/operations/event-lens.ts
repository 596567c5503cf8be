import type { Address } from "../../machines/mail.ts";
import type { Store, StoredJournalEntry } from "../../runtime/store.ts";
import { requireReadable } from "./access.ts";
import type { Caller } from "./caller.ts";
import { isBefore, type EventCursor } from "./event-cursor.ts";
import { eventsOf, placeOf, type EventView } from "./event-view.ts";
import { seesEverything } from "./role-sets.ts";

export interface EventFilter {
  threadId?: string | undefined;
  agentId?: string | undefined;
  types?: readonly string[] | undefined;
}

const mostAgents = 10_000;
const threadsPerPage = 100;

/**
 * What one caller sees of the journal. Overseers see all; others the events of threads that they take part in, those from
 * before they joined too, as with messages.
 */
export class EventLens {
  readonly #store: Store;
  readonly #filter: EventFilter;
  /** Null: all. */
  readonly #threads: Set<string> | null;
  readonly #self: string;
  readonly #agents = new Map<string, string | null>();

  private constructor(store: Store, filter: EventFilter, caller: Caller, threads: Set<string> | null) {
    this.#store = store;
    this.#filter = filter;
    this.#self = caller.agentId;
    this.#threads = threads;
  }

  /** To be opened after its place in the journal is known: whoever joins later shows in the entries. Throws `thread_not_found`, `not_a_participant`. */
  static async open(store: Store, caller: Caller, filter: EventFilter): Promise<EventLens> {
    const { threadId } = filter;
    if (threadId !== undefined) {
      await store.transaction((tx) => requireReadable(tx, caller, threadId), { readOnly: true });
      return new EventLens(store, filter, caller, new Set([threadId]));
    }
    const threads = seesEverything(caller.role) ? null : await threadsOf(store, caller.agentId);
    return new EventLens(store, filter, caller, threads);
  }

  /** Visible events of these entries after the cursor, in order. */
  async look(entries: readonly StoredJournalEntry[], after: EventCursor): Promise<EventView[]> {
    await this.#learnAgents(entries);
    return entries.flatMap((entry) => {
      this.#noteJoin(entry);
      return eventsOf(entry, (address) => this.#agents.get(address) ?? null).filter(
        (event) => !isBefore(event.event_id, after) && this.#isVisible(event) && this.#isWanted(event),
      );
    });
  }

  /** Its own joining is the first entry of its participant. */
  #noteJoin({ address, seq }: StoredJournalEntry): void {
    const { threadId, agentId } = placeOf(address);
    if (seq !== 1 || threadId === null || agentId !== this.#self || this.#filter.threadId !== undefined)
      return;
    this.#threads?.add(threadId);
  }

  #isVisible({ thread_id }: EventView): boolean {
    return this.#threads === null || (thread_id !== null && this.#threads.has(thread_id));
  }

  #isWanted({ agent_id, type }: EventView): boolean {
    const { agentId, types } = this.#filter;
    return (agentId === undefined || agent_id === agentId) && (types === undefined || types.includes(type));
  }

  /** Only overseers see runtimes, whose entries do not name the agent. */
  async #learnAgents(entries: readonly StoredJournalEntry[]): Promise<void> {
    if (this.#threads !== null) return;
    if (this.#agents.size > mostAgents) this.#agents.clear();
    const addresses = entries.flatMap(({ address }) => (address.startsWith("runtime/") ? [address] : []));
    for (const address of new Set<Address>(addresses)) {
      if (this.#agents.has(address)) continue;
      const actor = await this.#store.getActor(address);
      this.#agents.set(address, actor?.subject ?? null);
    }
  }
}

async function threadsOf(store: Store, agentId: string): Promise<Set<string>> {
  const found = new Set<string>();
  let after: string | null = null;
  do {
    const from: { after?: string } = after === null ? {} : { after };
    const { rows, next } = await store.transaction(
      (tx) => tx.listThreads({ agentId, limit: threadsPerPage, ...from }),
      { readOnly: true },
    );
    for (const { threadId } of rows) found.add(threadId);
    after = next;
  } while (after !== null);
  return found;
}
