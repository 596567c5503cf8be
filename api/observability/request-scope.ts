import { AsyncLocalStorage } from "node:async_hooks";

export type Surface = "rest" | "mcp";

/** What is known of the call that the present code runs for. */
export interface RequestScope {
  requestId: string;
  surface: Surface;
  /** As the caller sent it (W3C Trace Context), unchecked. */
  traceparent: string | undefined;
  /** Set once the token is checked. */
  agentId?: string;
}

export const requestScope = new AsyncLocalStorage<RequestScope>();
