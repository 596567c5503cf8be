import type { FastifyInstance, FastifyReply } from "fastify";

/** Made once: an error with its stack for every call would cost more than it tells. */
const ended = new Error("the exchange is over");

export interface Cancellation {
  /** Aborted when the exchange is over, answered or not. */
  overOf: (reply: FastifyReply) => AbortSignal;
  /** For what waits: aborted then, and when the server is about to stop. */
  whileWaiting: (over: AbortSignal) => AbortSignal;
}

export function watchCancellation(scope: FastifyInstance): Cancellation {
  const draining = new AbortController();
  scope.addHook("preClose", async () => draining.abort());
  return {
    overOf({ raw }) {
      const over = new AbortController();
      raw.once("close", () => over.abort(ended));
      return over.signal;
    },
    whileWaiting: (over) => AbortSignal.any([over, draining.signal]),
  };
}
