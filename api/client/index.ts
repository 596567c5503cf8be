import { followEvents, type EventOptions } from "./follow-events.ts";
import { routes } from "./routes.ts";
import { sendCall, type Connection } from "./send.ts";
import type { CallOptions, InputOf, OperationMethods, OperationName, OutputOf, RouseEvent } from "./types.ts";

/** The typed client of a node's REST interface. For Node and browsers. See docs/rest.md. */

export { CallError, isCallError, type CallFailure } from "./call-error.ts";
export type { EventOptions } from "./follow-events.ts";
export type { Connection } from "./send.ts";
export type {
  CallOptions,
  EventType,
  InputOf,
  OperationMethods,
  OperationName,
  OutputOf,
  RouseEvent,
} from "./types.ts";

export interface ClientOptions extends Connection {
  /** For one try of a call; 30,000 unless given. */
  timeoutMs?: number;
  /** Tries of a call, unless it says otherwise; 4 unless given. */
  attempts?: number;
}

export interface Client extends OperationMethods {
  /** Any operation by its name. */
  call<Name extends OperationName>(
    name: Name,
    input: InputOf<Name>,
    options?: CallOptions,
  ): Promise<OutputOf<Name>>;
  /** Events as they happen, resumed by itself when the connection breaks. */
  events(options?: EventOptions): AsyncGenerator<RouseEvent, void>;
}

/** Connects nowhere yet. */
export function createClient({ timeoutMs = 30_000, attempts = 4, ...given }: ClientOptions): Client {
  const connection = { ...given, url: given.url.replace(/\/+$/, "") };
  const send = (name: OperationName, input: object, options: CallOptions = {}): Promise<unknown> =>
    sendCall(connection, name, { ...input }, { timeoutMs, attempts, ...options });
  const methods = Object.keys(routes).map((name) => [
    methodName(name),
    (input: object = {}, options?: CallOptions) => send(name as OperationName, input, options),
  ]);
  const client = {
    ...(Object.fromEntries(methods) as object),
    call: send,
    events: (options: EventOptions = {}) => followEvents(connection, options),
  };
  // The methods are those of the routes, which a test holds equal to the operations that the types are read off.
  return client as Client;
}

function methodName(name: string): string {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
