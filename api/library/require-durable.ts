import type { EngineRecords } from "../../machines/records.ts";
import { chartPorts } from "../../runtime/chart-ports.ts";
import { requireLawfulChart } from "../../runtime/chart-rules.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Actor } from "./actor.ts";

/** What the coordinator's own charts write down is understood by the store, and would be mistaken for theirs. */
const reservedRecords: Record<keyof EngineRecords, true> = {
  "wake.opened": true,
  "wake.acknowledged": true,
  "wake.closed": true,
  "thread.statusChanged": true,
  "escalation.raised": true,
};

/** Throws `port_unknown`, `already_exists`, and `machine_forbidden_construct`, which names every offending state. */
export function requireDurable(actor: Actor): void {
  requirePorts(actor);
  requireLawfulChart(actor.machine, actor.ports);
  requireOwnRecords(actor);
}

function requirePorts({ kind, machine }: Actor): void {
  const [first] = chartPorts(machine).foreign;
  if (first === undefined) return;
  throw new RouseError(
    "port_unknown",
    `${first.state} of actor ${kind} invokes ${first.name}, which is no port: live logic ends with its process`,
    {
      nextStep: `Define it with definePort({ name: "${first.name}", … }) and name it in setup({ actors: { ${first.name}: ${first.name}.logic } }).`,
    },
  );
}

function requireOwnRecords({ kind, machine }: Actor): void {
  const taken = Object.keys(machine.implementations.actions).find((name) =>
    Object.hasOwn(reservedRecords, name),
  );
  if (taken === undefined) return;
  throw new RouseError(
    "already_exists",
    `action ${taken} of actor ${kind} has the name of a record of Rouse`,
    {
      nextStep: "Choose another name for the action.",
    },
  );
}
