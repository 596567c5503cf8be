import type { Clock } from "../../runtime/clock.ts";
import type { Store } from "../../runtime/store.ts";
import type { RefusedToken } from "./refused-token.ts";

/** A program that goes on with a dead token asks every few seconds: one row says as much as thousands. */
const repeatMs = 10 * 60_000;
const mostPerMinute = 60;
const mostRemembered = 1_000;

/** Audits refused tokens whose identity our own key vouches for. Others name nobody: they are counted, not kept. */
export class RefusalAudit {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #noted = new Map<string, number>();
  #minute = { since: Number.NEGATIVE_INFINITY, rows: 0 };

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Throws what the store throws: nobody hears of a refusal that could not be written down. */
  async note({ refusal, identity }: RefusedToken, requestId: string | null): Promise<void> {
    if (identity === null) return;
    const key = `${identity.jti} ${refusal.code}`;
    if (!this.#isNews(key)) return;
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
    await this.#store.transaction((tx) => tx.appendAudit(entry));
    this.#remember(key);
  }

  #isNews(key: string): boolean {
    const now = this.#clock.now();
    const notedAt = this.#noted.get(key);
    if (notedAt !== undefined && Math.abs(now - notedAt) < repeatMs) return false;
    if (Math.abs(now - this.#minute.since) >= 60_000) this.#minute = { since: now, rows: 0 };
    return this.#minute.rows < mostPerMinute;
  }

  #remember(key: string): void {
    this.#minute.rows += 1;
    if (this.#noted.size >= mostRemembered) this.#noted.clear();
    this.#noted.set(key, this.#clock.now());
  }
}
