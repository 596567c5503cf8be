import { RouseError } from "../../runtime/errors.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import type { Actor } from "./actor.ts";

/** Before anything runs: an effect without performer would wait for ever. Throws `port_unknown`. */
export function requirePortsImplemented(
  actors: readonly Actor[],
  implementations: readonly AnyPortImplementation[],
): void {
  const implemented = new Set(implementations.map(({ port }) => port.name));
  const wanted = actors.flatMap(({ kind, ports }) => ports.map(({ name }) => ({ kind, name })));
  const lacking = wanted.filter(({ name }) => !implemented.has(name));
  if (lacking.length > 0) {
    const said = lacking.map(({ kind, name }) => `${name} (of ${kind})`).join(", ");
    throw new RouseError("port_unknown", `nothing performs ${said}`, {
      nextStep: "Give createNode({ ports: [implementPort(port, body), …] }) one body for each.",
    });
  }
  const names = new Set(wanted.map(({ name }) => name));
  const foreign = [...implemented].filter((name) => !names.has(name));
  if (foreign.length === 0) return;
  throw new RouseError("port_unknown", `no actor of this node invokes ${foreign.join(", ")}`, {
    nextStep: "Name the actor in createNode({ actors }), or leave the implementation out.",
  });
}
