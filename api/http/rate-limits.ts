import rateLimit from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { RouseError } from "../../runtime/errors.ts";
import type { Authenticate, Authenticated } from "../auth/authenticate.ts";
import type { HttpLimits } from "./limits.ts";

export interface RateLimitOptions {
  authenticate: Authenticate;
  limits: HttpLimits;
}

type Limiter = ReturnType<FastifyInstance["createRateLimit"]>;

/** Who sent this; kept with the request, too. Throws as `Authenticate` does, and `rate_limited`. */
export type Identify = (request: FastifyRequest) => Promise<Authenticated>;

/**
 * Who calls, and whether not too often. Two counts: of an agent, by its token; and of a network address, for calls whose
 * token is not known to be good. Agents on one machine share an address: so a flood of theirs, with tokens or with rubbish,
 * does not lock out the operator beside them, whose calls count for the operator alone. No token is looked at elsewhere.
 */
export function identifyCallers(
  server: FastifyInstance,
  { authenticate, limits }: RateLimitOptions,
): Identify {
  const window = { timeWindow: limits.callWindowMs };
  let limiters: { ofPeer: Limiter; ofAgent: Limiter } | null = null;
  void server.register(rateLimit, { global: false });
  const made = (): { ofPeer: Limiter; ofAgent: Limiter } =>
    (limiters ??= {
      ofPeer: server.createRateLimit({ ...window, max: limits.callsPerPeer }),
      ofAgent: server.createRateLimit({ ...window, max: limits.callsPerAgent, keyGenerator: agentKey }),
    });
  const good = new GoodTokens();
  return async (request) => {
    const { authorization } = request.headers;
    if (!good.has(authorization)) await requireWithin(made().ofPeer, request, "this address");
    try {
      request.authenticated = await authenticate(authorization, request.id);
    } catch (error) {
      good.delete(authorization);
      throw error;
    }
    good.add(authorization);
    await requireWithin(made().ofAgent, request, request.authenticated.caller.agentId);
    return request.authenticated;
  };
}

function agentKey({ authenticated }: FastifyRequest): string {
  return `${authenticated?.caller.workspaceId} ${authenticated?.caller.agentId}`;
}

async function requireWithin(limiter: Limiter, request: FastifyRequest, who: string): Promise<void> {
  const state = await limiter(request);
  if (state.isAllowed || !state.isExceeded) return;
  throw new RouseError("rate_limited", `${who} calls too often`, {
    nextStep: `Wait ${state.ttlInSeconds} s, then repeat the call with the same idempotency key; wait for news instead of asking for it.`,
    details: { allowed: state.max, window_ms: state.timeWindow, retry_after_s: state.ttlInSeconds },
  });
}

const mostTokens = 10_000;

/** Tokens that were accepted here. Only their holders have them, so they are no way around the limit. */
class GoodTokens {
  readonly #known = new Set<string>();

  has(authorization: string | undefined): boolean {
    return authorization !== undefined && this.#known.has(authorization);
  }

  add(authorization: string | undefined): void {
    if (authorization === undefined || this.#known.has(authorization)) return;
    if (this.#known.size >= mostTokens) this.#known.clear();
    this.#known.add(authorization);
  }

  delete(authorization: string | undefined): void {
    if (authorization !== undefined) this.#known.delete(authorization);
  }
}
