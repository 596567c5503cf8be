import { isIPv4 } from "node:net";
import type { FastifyRequest } from "fastify";
import type { NewAuditEntry } from "../../runtime/domain.ts";
import type { RouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";
import { noteUnknownCall } from "../auth/unknown-calls.ts";
import { isRefusal, refusedRequestEntry } from "../operations/audit.ts";
import { isOnRecord } from "../operations/run-operation.ts";

/**
 * Refusals that no operation saw. Of a caller with a token each is a row, like any other refusal. Requests without one, and
 * those over a rate limit, cost their sender nothing: they are counted, a row per minute for each kind.
 */
export interface RefusedRequestsOptions {
  /** Where what belongs to no workspace is written. */
  store: Store;
  now: () => number;
  onError: (context: string, error: unknown) => void;
  /** How long counts are gathered. */
  windowMs?: number;
}

interface Count {
  entry: Omit<NewAuditEntry, "details">;
  surface: string;
  peer: PeerKind;
  count: number;
  since: number;
  until: number;
}

const minuteMs = 60_000;
/** One for each kind; agents over their limit beyond that share one. */
const mostCounts = 500;

export class RefusedRequests {
  readonly #options: RefusedRequestsOptions;
  #counts = new Map<string, Count>();
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RefusedRequestsOptions) {
    this.#options = options;
  }

  /** To be awaited before the answer: a refusal of a known caller is on record then. Throws what the store throws. */
  async note(request: FastifyRequest, error: unknown): Promise<void> {
    if (!isRefusal(error) || isOnRecord(error)) return;
    const { authenticated } = request;
    if (authenticated === null) return this.#count(request, error, null);
    const { caller, workspace } = authenticated;
    if (error.code === "rate_limited") return this.#count(request, error, caller);
    if (request.is404) {
      const name = `${request.method} ${request.url.split("?")[0] ?? ""}`;
      return noteUnknownCall(authenticated, { operation: "request", name, requestId: request.id });
    }
    const entry = refusedRequestEntry(
      { caller, operation: operationOf(request), requestId: request.id },
      error,
    );
    await workspace.engine.store.transaction((tx) => tx.appendAudit(entry));
  }

  /** Writes the counts down. What a killed process had counted within the minute is lost. */
  async flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const counts = [...this.#counts.values()];
    this.#counts = new Map();
    if (counts.length === 0) return;
    await this.#options.store.transaction(async (tx) => {
      for (const count of counts) await tx.appendAudit(countEntry(count));
    });
  }

  #count(
    request: FastifyRequest,
    error: RouseError,
    caller: Parameters<typeof refusedRequestEntry>[0]["caller"],
  ) {
    const surface = request.url.startsWith("/mcp") ? "mcp" : "rest";
    const peer = peerKind(request.ip);
    const own = [error.code, surface, peer, caller?.agentId ?? ""].join(" ");
    const isFull = this.#counts.size >= mostCounts && !this.#counts.has(own);
    const key = isFull ? [error.code, surface, peer].join(" ") : own;
    const now = this.#options.now();
    const known = this.#counts.get(key);
    const operation = surface === "mcp" ? "mcp" : "request";
    this.#counts.set(key, {
      entry: refusedRequestEntry({ caller: isFull ? null : caller, operation, requestId: null }, error),
      ...{ surface, peer },
      count: (known?.count ?? 0) + 1,
      since: known?.since ?? now,
      until: now,
    });
    this.#timer ??= setTimeout(() => {
      this.flush().catch((failure: unknown) => this.#options.onError("audit of refused requests", failure));
    }, this.#options.windowMs ?? minuteMs).unref();
  }
}

function countEntry({ entry, surface, peer, count, since, until }: Count): NewAuditEntry {
  const [first, last] = [new Date(since).toISOString(), new Date(until).toISOString()];
  return { ...entry, details: { count, surface, peer, first, last } };
}

/** The operation of a REST route; for MCP the protocol alone, since its message was not understood. */
function operationOf(request: FastifyRequest): string {
  const { url, config } = request.routeOptions;
  const { operation } = config as { operation?: string };
  return operation ?? (url === "/mcp" ? "mcp" : "request");
}

export type PeerKind = "loopback" | "private" | "public";

/** Where a request comes from, as coarse as a bounded count has to be. */
export function peerKind(ip: string): PeerKind {
  const address = ip.toLowerCase().replace(/^::ffff:/, "");
  if (address === "::1" || address.startsWith("127.")) return "loopback";
  if (isIPv4(address)) {
    return /^(?:10|192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(
      address,
    )
      ? "private"
      : "public";
  }
  return /^(?:f[cd]|fe[89ab])/.test(address) ? "private" : "public";
}
