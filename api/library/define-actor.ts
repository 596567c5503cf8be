import type { AnyStateMachine } from "xstate";
import { recognizeChart } from "../../machines/chart.ts";
import type { ChartMigration } from "../../machines/migration.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { chartPorts } from "../../runtime/chart-ports.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Actor } from "./actor.ts";
import type { Examples } from "./examples.ts";

export interface ActorDefinition<Machine extends AnyStateMachine> {
  /** Names the kind in addresses: `order` makes `order/42`. */
  kind: string;
  /** Of this chart; a changed chart is another version. */
  version: string;
  /** An ordinary chart: `setup(…).createMachine(…)`. Its ports are those it names in `setup({ actors })`. */
  machine: Machine;
  /** From earlier charts of this kind to this one. */
  migrations?: readonly ChartMigration[];
  examples?: Examples<Machine>;
}

const kindPattern = /^[a-z][A-Za-z0-9-]{0,31}$/u;

/**
 * Makes a chart a kind of durable actor. Whether the chart is durable is seen when a node or a test takes it, and by
 * `rouse check`, which names everything at once.
 * @throws RouseError invalid_input (kind, version, chart) | already_exists (a kind of Rouse's own)
 */
export function defineActor<const Machine extends AnyStateMachine>(
  definition: ActorDefinition<Machine>,
): Actor<Machine> {
  const { kind, version, machine, migrations = [], examples = {} } = definition;
  requireKind(kind);
  if (typeof version !== "string" || version === "") {
    throw new RouseError("invalid_input", `actor ${kind} names no version`, {
      nextStep: 'Give one, for instance version: "1".',
    });
  }
  requireOwnXState(kind, machine);
  return { kind, version, machine, ports: chartPorts(machine).ports, policy: {}, migrations, examples };
}

function requireKind(kind: string): void {
  if (registeredMachines.some((known) => known.kind === kind)) {
    throw new RouseError("already_exists", `${kind} is a kind of Rouse's own actors`, {
      nextStep: "Choose another kind.",
    });
  }
  if (typeof kind === "string" && kindPattern.test(kind)) return;
  throw new RouseError("invalid_input", `${JSON.stringify(kind)} is no kind of actor`, {
    nextStep: "Use a lower-case letter, then letters, digits and hyphens: at most 32.",
  });
}

function requireOwnXState(kind: string, machine: unknown): void {
  const recognized = recognizeChart(machine);
  if (recognized === "chart") return;
  if (recognized === null) {
    throw new RouseError("invalid_input", `actor ${kind} has no chart`, {
      nextStep: "Give machine what setup(…).createMachine(…) returns.",
    });
  }
  throw new RouseError(
    "invalid_input",
    `the chart of ${kind} was made by another copy of xstate than Rouse's own`,
    { nextStep: "Install the version of xstate that Rouse depends on; `npm ls xstate` must show one." },
  );
}
