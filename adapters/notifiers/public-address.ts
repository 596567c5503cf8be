import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { RouseError } from "../../runtime/errors.ts";

/** Keeps a webhook from reaching into the network that the node stands in. */

/** What is not the public internet (IANA's special-purpose registries). Mapped and translated addresses hide others. */
const ranges: readonly [string, number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
  ["5f00::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
];

/** One for each family: in a common one the mapped range would hold every IPv4 address. */
const reserved = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const [net, prefix] of ranges) {
  const family = net.includes(":") ? "ipv6" : "ipv4";
  reserved[family].addSubnet(net, prefix, family);
}

export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 0) return false;
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  return !reserved[family].check(address, family);
}

export function notPublic(host: string): RouseError {
  return new RouseError("port_refused", `the webhook's host ${host} is not on the public internet`, {
    nextStep: "Use a public address, or set notifications.webhook.allowPrivate.",
  });
}

/**
 * Resolves, and refuses a name of which any address is not public. The connection goes to the address that was judged:
 * a name that resolves otherwise the next time gains nothing.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, "", 0);
    const [first] = found;
    if (first === undefined || !found.every(({ address }) => isPublicAddress(address)))
      return callback(notPublic(hostname), "", 0);
    if (options.all === true) return callback(null, found);
    return callback(null, first.address, first.family);
  });
};
