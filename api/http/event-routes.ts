import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Engine } from "../../runtime/engine.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Authenticated } from "../auth/authenticate.ts";
import { parseEventCursor, type EventCursor } from "../operations/event-cursor.ts";
import { EventLens } from "../operations/event-lens.ts";
import { eventFilter, eventQuery } from "../operations/events.ts";
import { invalidInput } from "../operations/validate.ts";
import { EventStream } from "./event-stream.ts";
import { JournalFeed } from "./journal-feed.ts";
import type { HttpLimits } from "./limits.ts";

export interface EventRouteOptions {
  limits: HttpLimits;
  onError: (context: string, error: unknown) => void;
}

const queryShape = z.strictObject(eventQuery);

/** `GET /v1/events`: a stream that resumes by `Last-Event-ID`. Its scope has checked the token already. */
export function eventRoutes(scope: FastifyInstance, options: EventRouteOptions): void {
  const { limits, onError } = options;
  const streams = new Set<EventStream>();
  const feeds = new Map<Engine, JournalFeed>();
  const feedOf = (engine: Engine): JournalFeed => {
    const found = feeds.get(engine) ?? new JournalFeed(engine, (error) => onError("event feed", error));
    feeds.set(engine, found);
    return found;
  };
  let isDraining = false;
  // An open stream would hold up the server's close for ever.
  scope.addHook("preClose", async () => {
    isDraining = true;
    for (const stream of streams) stream.end("draining");
  });
  const seats = new Set<Authenticated>();
  scope.get("/v1/events", async (request, reply) => {
    const { authenticated } = request;
    if (authenticated === null) throw new RouseError("internal", "a route was reached without a token check");
    requireRoom(limits, seats, authenticated);
    seats.add(authenticated);
    const stream = await open(request, reply, { ...options, authenticated, feedOf }).catch(
      (error: unknown) => {
        seats.delete(authenticated);
        throw error;
      },
    );
    streams.add(stream);
    if (isDraining) stream.end("draining");
    void stream.run().finally(() => {
      streams.delete(stream);
      seats.delete(authenticated);
    });
  });
}

interface Opening extends EventRouteOptions {
  authenticated: Authenticated;
  feedOf: (engine: Engine) => JournalFeed;
}

/** All that may be refused is refused before the stream's first byte. */
async function open(request: FastifyRequest, reply: FastifyReply, opening: Opening): Promise<EventStream> {
  const { authenticated, feedOf, limits, onError } = opening;
  const { caller, workspace } = authenticated;
  const query = queryShape.safeParse(request.query);
  if (!query.success) throw invalidInput(query.error.issues);
  const feed = feedOf(workspace.engine);
  const from = await startOf(request, query.data.after, feed);
  const lens = await EventLens.open(workspace.engine.store, caller, eventFilter(query.data));
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-request-id": request.id,
    // nginx would hold events back.
    "x-accel-buffering": "no",
  });
  return new EventStream({
    raw,
    caller,
    feed,
    lens,
    from,
    timing: { heartbeatMs: limits.streamHeartbeatMs, slowMs: limits.streamSlowMs },
    watch: workspace.tokens.watch(caller),
    onError: (error) => onError(`event stream (request ${request.id})`, error),
  });
}

/** The header wins: a client that reconnects repeats its first address. */
async function startOf(
  { headers }: FastifyRequest,
  after: string | undefined,
  feed: JournalFeed,
): Promise<EventCursor> {
  const last = headers["last-event-id"];
  const given = typeof last === "string" && last !== "" ? last : after;
  return given === undefined ? { journalId: await feed.head(), index: null } : parseEventCursor(given);
}

function requireRoom(
  limits: HttpLimits,
  seats: ReadonlySet<Authenticated>,
  { caller: { agentId, workspaceId } }: Authenticated,
): void {
  const own = [...seats].filter(
    ({ caller }) => caller.agentId === agentId && caller.workspaceId === workspaceId,
  );
  if (own.length >= limits.streamsPerAgent) {
    throw new RouseError("rate_limited", `${agentId} has ${own.length} event streams open already`, {
      nextStep: "Close one that is not needed, or filter one stream for all of it.",
      details: { open: own.length, allowed: limits.streamsPerAgent },
    });
  }
  if (seats.size >= limits.streams) {
    throw new RouseError("overloaded", "this node has as many event streams open as it may", {
      nextStep: "Ask another node, or again in a moment.",
      details: { allowed: limits.streams },
    });
  }
}
