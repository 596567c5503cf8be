import type { McpRequest } from "./request.ts";

export interface McpExchange {
  /** Parsed JSON. */
  body: unknown;
  request: McpRequest;
  /** Aborted when the exchange is over, answered or not. */
  over: AbortSignal;
}

/** One era of the protocol: answers a POST whose token was checked. */
export type Era = (web: Request, exchange: McpExchange) => Promise<Response>;

export interface ClosableEra {
  answer: Era;
  close: () => Promise<void>;
}
