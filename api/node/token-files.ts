import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isRouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";
import { issueSuccessor } from "../operations/refresh.ts";
import type { TokenAuthority } from "../operations/tokens.ts";

/** Several tries fit into a token's life. */
const triesPerLife = 3;
const wellFormed = /^[a-z0-9][a-z0-9-]{0,63}$/;

/**
 * Short-lived tokens of launched programs that read theirs from a file, one for each runtime, private to this user. The node
 * keeps them good for as long as the runtime lives; also those of its earlier processes, however long it was away.
 */
export class TokenFiles {
  readonly #folder: string;
  readonly #store: Store;
  readonly #tokens: TokenAuthority;
  readonly #onError: (context: string, error: unknown) => void;
  #timer: NodeJS.Timeout | null = null;
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: {
    folder: string;
    store: Store;
    tokens: TokenAuthority;
    onError: (context: string, error: unknown) => void;
  }) {
    this.#folder = options.folder;
    this.#store = options.store;
    this.#tokens = options.tokens;
    this.#onError = options.onError;
  }

  start(): void {
    const renew = (): void => void (this.#renewing = this.#renewing.then(() => this.renewAll()));
    renew();
    this.#timer ??= setInterval(renew, this.#tokens.policy.refreshableMs / triesPerLife);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    await this.#renewing;
  }

  /** The path of the file, which holds the token and nothing else. */
  write(runtimeId: string, token: string): string {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, runtimeId);
    const temporary = join(this.#folder, `.${runtimeId}.${process.pid}`);
    writeFileSync(temporary, token, { mode: 0o600 });
    renameSync(temporary, path);
    return path;
  }

  async renewAll(): Promise<void> {
    for (const runtimeId of this.#written()) {
      try {
        await this.#renew(runtimeId);
      } catch (error) {
        if (!isFinal(error)) this.#onError(`token of runtime ${runtimeId}`, error);
        else rmSync(join(this.#folder, runtimeId), { force: true });
      }
    }
  }

  /** From the record, not from the file: a token that expired while the node was away has a successor, too. */
  async #renew(runtimeId: string): Promise<void> {
    const { token } = await this.#store.transaction(async (tx) => {
      const [latest = null] = (await tx.listTokens({ runtimeId, limit: 1 })).rows;
      return issueSuccessor(tx, this.#tokens, { token: latest, by: "node" });
    });
    this.write(runtimeId, token);
  }

  #written(): string[] {
    try {
      return readdirSync(this.#folder).filter((name) => wellFormed.test(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  }
}

/** Its chain is over: there will be no successor. */
function isFinal(error: unknown): boolean {
  return isRouseError(error) && ["forbidden", "token_revoked", "token_expired"].includes(error.code);
}
