import type postgres from "postgres";

import type { Address } from "./dial.ts";
import { unavailable } from "./failure.ts";

/** The servers that a URL names (host1:5432,host2:5432), in the order in which they are to be tried. */
export interface Hosts {
  order: Address[];
  /** True when there are several, or the URL says so: then only the one that takes writes will do. */
  mustWrite: boolean;
}

export function hostsOf(
  options: Pick<postgres.ParsedOptions, "host" | "port" | "path" | "target_session_attrs">,
): Hosts {
  if (typeof options.path === "string") return { order: [{ path: options.path }], mustWrite: false };
  const order = options.host.map((host, index) => ({ host, port: options.port[index] ?? 5432 }));
  const mustWrite = order.length > 1 || options.target_session_attrs === "read-write";
  return { order, mustWrite };
}

/** The current host goes to the end of the line. */
export function preferNext(hosts: Hosts): void {
  const current = hosts.order.shift();
  if (current !== undefined) hosts.order.push(current);
}

/**
 * The first host that answers; each is given an equal part of what remains of `deadlineMs`. The one that answered is
 * tried first the next time.
 * @throws RouseError database_unavailable with the error of the last host
 */
export async function openOnAny<T>(
  hosts: Hosts,
  deadlineMs: number,
  open: (address: Address, deadlineMs: number) => Promise<T>,
): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  const candidates = [...hosts.order];
  let lastError: unknown;
  for (const [index, address] of candidates.entries()) {
    try {
      return await open(address, (endMs - performance.now()) / (candidates.length - index));
    } catch (error) {
      lastError = error;
      if (hosts.order[0] === address) preferNext(hosts);
    }
  }
  throw unavailable("The database cannot be reached.", lastError);
}
