import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";
import type { Workspace } from "../operations/operation.ts";

/** A database that hangs is as good as none: whoever asks must know in time to ask another node. */
const readyWithinMs = 2_000;

/**
 * `/health`: the process lives and answers, also while it drains: a supervisor must not kill it for that. `/ready`: it takes
 * calls: it is not draining, and the database answers.
 */
export function probes(
  server: FastifyInstance,
  { workspaces, isDraining }: { workspaces: readonly Workspace[]; isDraining: () => boolean },
): void {
  server.get("/health", () => ({ status: isDraining() ? "draining" : "ok" }));
  server.get("/ready", async () => {
    const asked = workspaces.map(({ engine }) =>
      engine.store.transaction((tx) => tx.getSetting("injection"), { readOnly: true }),
    );
    await within(Promise.all(asked), readyWithinMs);
    return { status: "ready" };
  });
}

async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new RouseError("database_unavailable", `the database did not answer within ${ms} ms`, {
        nextStep: "Ask another node, or this one again in a moment.",
      }),
    );
  }, ms);
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
