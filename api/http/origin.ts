import { RouseError } from "../../runtime/errors.ts";

export interface OriginPolicy {
  /** Host names that we are reached by, besides those of loopback. */
  hosts: readonly string[];
  /** Foreign origins whose pages may call us. */
  origins: readonly string[];
}

const loopback = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Refuses requests that a foreign web page could have caused (DNS rebinding, cross-site calls). Checked before the
 * token, and on loopback too: there the browser of the person in front of it is the attacker's means.
 */
export function requireTrustedOrigin(
  policy: OriginPolicy,
  headers: { host?: string | undefined; origin?: string | undefined },
): void {
  const { host = "", origin } = headers;
  const name = host.replace(/:\d{1,5}$/, "").toLowerCase();
  if (![...loopback, ...policy.hosts].includes(name)) throw refused("Host");
  if (origin === undefined) return;
  const own = [`http://${host}`, `https://${host}`];
  if (![...own, ...policy.origins].includes(origin)) throw refused("Origin");
}

function refused(header: string): RouseError {
  return new RouseError("forbidden", `the ${header} header names a place that is not allowed`, {
    nextStep: "Call by localhost, or let the operator allow that name.",
  });
}
