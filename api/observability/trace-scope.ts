import { AsyncLocalStorage } from "node:async_hooks";
import type { TraceCarrier } from "../../runtime/store.ts";

/** The trace of the call that the present code runs for; what it writes carries it on. */
export const traceScope = new AsyncLocalStorage<TraceCarrier>();
