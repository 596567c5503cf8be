import { readFileSync, statSync } from "node:fs";
import { RouseError } from "../../../runtime/errors.ts";
import { RefusedByNode } from "../failure.ts";
import { requestOperation } from "../request.ts";

/** Where the token comes from, in this order. */
export interface TokenOrigin {
  /** Given as text. */
  token: string | undefined;
  /** Read again whenever it changes. */
  file: string | undefined;
  /** Has one made, as the operator of this home; null when the agent is not known. */
  issue: (() => Promise<string>) | null;
}

export interface TokenSourceOptions {
  origin: TokenOrigin;
  /** Asked anew each time: after a restart the node may be elsewhere. Throws `not_running`. */
  url: () => string;
  now: () => number;
}

/** A good part of a token's life is left when it is renewed, so that some failures do not matter. */
const renewalShare = 0.5;
const retryShare = 0.05;
const longestDelayMs = 2 ** 31 - 1;

interface Held {
  token: string;
  /** Epoch ms; null for what states no times. */
  issuedAt: number | null;
  expiresAt: number | null;
}

/** The token to speak with: kept fresh by `refresh_token` where it can be, also while nobody speaks; else read or made anew. */
export class TokenSource {
  readonly #options: TokenSourceOptions;
  #held: Held | null = null;
  #fileVersion = "";
  #renewing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TokenSourceOptions) {
    this.#options = options;
  }

  /** Throws `unauthenticated` where there is none, and what making one throws. */
  async current(): Promise<string> {
    this.#readFile();
    if (this.#held === null) this.#hold(await this.#first());
    await this.#renewing;
    return this.#held?.token ?? "";
  }

  /** After the node refused a token: true when there is another one to try. */
  async replace(refused: string): Promise<boolean> {
    const { token, file, issue } = this.#options.origin;
    if (this.#held?.token !== refused) return true;
    if (token !== undefined) return false;
    if (file !== undefined) {
      this.#fileVersion = "";
      this.#readFile();
    } else if (issue !== null) this.#hold(await issue());
    return this.#held?.token !== refused;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #first(): Promise<string> {
    const { token, issue } = this.#options.origin;
    if (token !== undefined) return token;
    if (issue !== null) return issue();
    throw new RouseError("unauthenticated", "there is no token to speak with", {
      nextStep:
        "Give one in ROUSE_TOKEN or by --token-file, or name the agent with --agent on the node's own host.",
    });
  }

  #readFile(): void {
    const { file, token } = this.#options.origin;
    if (file === undefined || token !== undefined) return;
    try {
      const { mtimeMs, ino, size } = statSync(file);
      const version = `${mtimeMs} ${ino} ${size}`;
      if (version === this.#fileVersion) return;
      const read = readFileSync(file, "utf8").trim();
      if (read === "") return;
      this.#hold(read);
      this.#fileVersion = version;
    } catch (cause) {
      if (this.#held !== null) return;
      throw new RouseError("unauthenticated", `cannot read the token file ${file}`, {
        nextStep: "Write the token there, readable for this user only.",
        cause,
      });
    }
  }

  #hold(token: string): void {
    this.#held = { token, ...statedTimes(token) };
    this.#scheduleAt(renewalShare);
  }

  /** At this share of the token's life. */
  #scheduleAt(share: number): void {
    clearTimeout(this.#timer);
    if (this.#held === null) return;
    const { issuedAt, expiresAt } = this.#held;
    if (issuedAt === null || expiresAt === null) return;
    const dueInMs = issuedAt + (expiresAt - issuedAt) * share - this.#options.now();
    this.#timer = setTimeout(() => this.#renew(), Math.min(Math.max(dueInMs, 0), longestDelayMs));
    this.#timer.unref();
  }

  #renew(): void {
    this.#renewing ??= this.#renewOnce().finally(() => (this.#renewing = null));
  }

  async #renewOnce(): Promise<void> {
    const before = this.#held;
    if (before === null) return;
    try {
      const connection = { url: this.#options.url(), token: before.token, node: null };
      const request = { name: "refresh_token", input: {}, idempotencyKey: crypto.randomUUID() } as const;
      const { token } = (await requestOperation(connection, request)) as { token: string | null };
      // Somebody may have put a newer one into the file meanwhile.
      if (token !== null && this.#held === before) this.#hold(token);
    } catch (error) {
      const isFinal = error instanceof RefusedByNode && [401, 403].includes(error.status);
      if (!isFinal) this.#retrySoon(before);
    }
  }

  #retrySoon({ issuedAt, expiresAt }: Held): void {
    if (issuedAt === null || expiresAt === null) return;
    const spent = (this.#options.now() - issuedAt) / (expiresAt - issuedAt);
    if (spent < 1) this.#scheduleAt(spent + retryShare);
  }
}

/** What the token says of itself; it is the node that checks it. */
function statedTimes(token: string): Pick<Held, "issuedAt" | "expiresAt"> {
  try {
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as {
      iat?: number;
      exp?: number;
    };
    const { iat, exp } = payload;
    if (iat !== undefined && exp !== undefined) return { issuedAt: iat * 1_000, expiresAt: exp * 1_000 };
  } catch {
    // No token of ours: the node will say so.
  }
  return { issuedAt: null, expiresAt: null };
}
