import { randomUUID } from "node:crypto";
import { exposureOf } from "../secrets.ts";
import { findConnection, givenToken, type Connection, type ConnectionOptions } from "./connection.ts";
import { RefusedByNode } from "./failure.ts";
import type { Payloads } from "./payloads.ts";
import { paperOf, type Paper } from "./render/paper.ts";
import { requestOperation } from "./request.ts";
import type { OperationName } from "./routes.ts";
import type { Surroundings } from "./surroundings.ts";

/** Options that every command takes. */
export interface GlobalOptions extends ConnectionOptions {
  json?: boolean;
  idempotencyKey?: string;
}

/** One command being run: calls to the node, and its answer to the person or program that asked. */
export class Invocation {
  readonly surroundings: Surroundings;
  readonly isJson: boolean;
  readonly #options: GlobalOptions;
  /** One key for the whole command: repeating it with `--idempotency-key` repeats nothing. */
  readonly #key: string;
  #connection: Connection | null = null;

  constructor(surroundings: Surroundings, options: GlobalOptions) {
    this.surroundings = surroundings;
    this.isJson = options.json === true;
    this.#options = options;
    this.#key = options.idempotencyKey ?? randomUUID();
  }

  /** Throws `not_running`, `unauthenticated`. */
  get connection(): Connection {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  async call<Name extends OperationName>(
    name: Name,
    input: Record<string, unknown> = {},
  ): Promise<Payloads[Name]> {
    const { connection } = this;
    try {
      const answer = await requestOperation(connection, { name, input, idempotencyKey: this.#key });
      // The node validates what it answers; `Payloads` follows its schemas.
      return answer as Payloads[Name];
    } catch (error) {
      throw this.#isWithOwnToken(connection) ? advised(error) : error;
    }
  }

  /** The answer itself as JSON, or what `draw` makes of it for people. */
  show<Payload>(payload: Payload, draw: (payload: Payload, paper: Paper) => string): void {
    const { surroundings } = this;
    surroundings.out(
      this.isJson ? `${JSON.stringify(payload, null, 2)}\n` : draw(payload, paperOf(surroundings)),
    );
  }

  #connect(): Connection {
    const { environment, err } = this.surroundings;
    const connection = findConnection(this.#options, environment);
    const exposure = this.#options.token === undefined ? exposureOf(environment, "ROUSE_TOKEN") : null;
    if (exposure !== null) err(`Warning: ${exposure}.\n`);
    return connection;
  }

  #isWithOwnToken({ node }: Connection): boolean {
    return node !== null && givenToken(this.#options, this.surroundings.environment) === undefined;
  }
}

/** The node keeps the operator's token fresh; when it is refused all the same, only a new start helps. */
function advised(error: unknown): unknown {
  if (!(error instanceof RefusedByNode) || error.status !== 401) return error;
  const next_step =
    "The node renews its operator token by itself; if this stays, run rouse down, then rouse up.";
  return new RefusedByNode({ ...error.failure, next_step }, error.status);
}
