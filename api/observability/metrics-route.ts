import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Identify } from "../http/rate-limits.ts";
import { RouseError } from "../../runtime/errors.ts";

export const metricsAccesses = ["loopback", "token", "off"] as const;
/** Who may read `/metrics`: whoever connects from this machine, or only who has a token of an overseer; or nobody. */
export type MetricsAccess = (typeof metricsAccesses)[number];

export interface MetricsPage {
  access: MetricsAccess;
  contentType: string;
  render: () => Promise<string>;
}

const readers = ["auditor", "operator"];
const loopback = /^(?:127\.|::1$|::ffff:127\.)/u;

/** Figures of the whole node, no text of anybody. A token of role auditor or operator opens it from anywhere. */
export function metricsRoute(server: FastifyInstance, page: MetricsPage, identify: Identify): void {
  if (page.access === "off") return;
  server.get("/metrics", async (request, reply) => {
    if (!isNear(page, request)) await requireReader(identify, request);
    return reply.type(page.contentType).send(await page.render());
  });
}

function isNear({ access }: MetricsPage, { raw, headers }: FastifyRequest): boolean {
  // What a proxy of this machine hands on comes from elsewhere.
  const isForwarded = headers["x-forwarded-for"] !== undefined || headers["forwarded"] !== undefined;
  return access === "loopback" && !isForwarded && loopback.test(raw.socket.remoteAddress ?? "");
}

async function requireReader(identify: Identify, request: FastifyRequest): Promise<void> {
  const { caller } = await identify(request);
  if (readers.includes(caller.role)) return;
  throw new RouseError("forbidden", `role ${caller.role} may not read metrics`, {
    nextStep: "Use a token of role auditor.",
    details: { role: caller.role, allowed: readers },
  });
}
