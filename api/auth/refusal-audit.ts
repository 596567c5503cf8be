import type { Clock } from "../../runtime/clock.ts";
import type { Store } from "../../runtime/store.ts";
import { NewsLimit } from "./news-limit.ts";
import type { RefusedToken } from "./refused-token.ts";

/** Audits refused tokens whose identity our own key vouches for. Others name nobody: they are counted, not kept. */
export class RefusalAudit {
  readonly #store: Store;
  readonly #limit: NewsLimit;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#limit = new NewsLimit(clock);
  }

  /** Throws what the store throws: nobody hears of a refusal that could not be written down. */
  async note({ refusal, identity }: RefusedToken, requestId: string | null): Promise<void> {
    if (identity === null) return;
    const key = `${identity.jti} ${refusal.code}`;
    const { agentId, role, sessionId, jti } = identity;
    const entry = {
      actor: agentId,
      role,
      operation: "authenticate",
      subject: `token/${jti}`,
      outcome: "refused",
      code: refusal.code,
      reason: null,
      details: { session_id: sessionId },
      changes: [],
      requestId,
    } as const;
    await this.#limit.note(key, () => this.#store.transaction((tx) => tx.appendAudit(entry)));
  }
}
