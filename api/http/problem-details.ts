import type { Socket } from "node:net";
import type { FastifyReply, FastifyRequest } from "fastify";
import { RouseError, errorCodes, type ErrorCode } from "../../runtime/errors.ts";
import { problemOf, statusOf, type Problem } from "../operations/problem.ts";

/** A problem by RFC 9457, with our own fields beside the standard's. */
export interface ProblemDetails extends Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
}

export const problemMediaType = "application/problem+json";

export function problemDetails(error: unknown, requestId: string): ProblemDetails {
  const problem = problemOf(error, requestId);
  return {
    type: problemType(problem.code),
    title: problemTitle(problem.code),
    status: statusOf(problem),
    detail: problem.message,
    instance: `urn:rouse:request:${requestId}`,
    ...problem,
  };
}

export function problemType(code: ErrorCode): string {
  return `urn:rouse:problem:${code}`;
}

/** The code as words: the same for every occurrence. */
export function problemTitle(code: ErrorCode): string {
  const words = code.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

interface Failed {
  request: FastifyRequest;
  reply: FastifyReply;
  onError: (context: string, error: unknown) => void;
}

const retryAfterS = 2;

export function sendProblem(error: unknown, { request, reply, onError }: Failed): FastifyReply {
  const problem = problemDetails(error, request.id);
  const { status, details } = problem;
  if (status >= 500 && problem.code !== "overloaded" && problem.code !== "draining")
    onError(`${request.method} ${request.routeOptions.url ?? "?"} (request ${request.id})`, error);
  if (status === 401) void reply.header("www-authenticate", 'Bearer realm="rouse"');
  if (status === 503 || status === 429) {
    const { retry_after_s: known } = details;
    void reply.header("retry-after", typeof known === "number" ? known : retryAfterS);
  }
  return reply.code(status).type(problemMediaType).send(problem);
}

/** What is no request, or did not become one in time, reaches no route: the answer is written by hand. */
export function refuseConnection(error: Error & { code?: string }, socket: Socket, requestId: string): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const isLate = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const refusal = isLate
    ? new RouseError("request_timeout", "the request did not arrive whole in time", {
        nextStep: "Send it again, all at once.",
      })
    : new RouseError("invalid_input", "this is no HTTP request that is understood here", {
        nextStep: "Send well-formed HTTP/1.1 with headers of at most 16 KiB.",
      });
  const body = JSON.stringify(problemDetails(refusal, requestId));
  const head = [
    `HTTP/1.1 ${errorCodes[refusal.code].status} ${problemTitle(refusal.code)}`,
    `content-type: ${problemMediaType}`,
    `content-length: ${Buffer.byteLength(body)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
