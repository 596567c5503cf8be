import type { ChartMigration } from "../machines/migration.ts";
import type { RegisteredMachine, RegisteredPort } from "../machines/registry.ts";
import { requireLawfulChart } from "./chart-rules.ts";
import { RouseError } from "./errors.ts";
import { machineHash } from "./machine-hash.ts";
import type { StoredActor } from "./store.ts";

export type AnyPort = RegisteredPort;
export type MachineEntry = Pick<RegisteredMachine, "kind" | "version" | "machine" | "ports" | "migrations">;

/** The chart that an actor goes on with, and the steps that lead it there; none when it was stored with that chart. */
export interface Route {
  entry: MachineEntry;
  steps: readonly ChartMigration[];
}

/** A chart by kind and hash: what an actor is stored with, and what a node says it can run. */
export function chartKey({ kind, machineHash }: Pick<StoredActor, "kind" | "machineHash">): string {
  return `${kind}@${machineHash}`;
}

/** The charts this process knows, by kind; the last one given of a kind is used for new actors. */
export class Registry {
  readonly #current = new Map<string, MachineEntry>();
  readonly #routes = new Map<string, Route>();
  readonly #byChart = new Map<string, MachineEntry>();

  /** Throws `machine_forbidden_construct` that names the states, or the migration that leads nowhere. */
  constructor(entries: readonly MachineEntry[]) {
    for (const entry of entries) {
      requireLawfulChart(entry.machine, entry.ports);
      this.#current.set(entry.kind, entry);
      this.#routes.set(keyOf(entry), { entry, steps: [] });
      this.#byChart.set(keyOf(entry), entry);
    }
    // Where there is a way to the current chart it is taken, also when the older chart is still known.
    for (const entry of this.#current.values()) {
      for (const [from, steps] of waysTo(entry)) {
        this.#routes.set(chartKey({ kind: entry.kind, machineHash: from }), { entry, steps });
      }
    }
  }

  /** Keys of the charts whose actors can go on here. */
  get charts(): readonly string[] {
    return [...this.#routes.keys()];
  }

  get machineHashes(): readonly string[] {
    return this.charts.map((key) => key.slice(key.indexOf("@") + 1));
  }

  /** Whether the actor can go on here. */
  runs(actor: Pick<StoredActor, "kind" | "machineHash">): boolean {
    return this.#routes.has(chartKey(actor));
  }

  /** The chart for new actors. Throws `machine_unknown`. */
  require(kind: string): MachineEntry {
    const entry = this.#current.get(kind);
    if (entry !== undefined) return entry;
    throw new RouseError("machine_unknown", `no machine of kind ${kind} is registered`, {
      nextStep: `Register it, or use one of: ${[...this.#current.keys()].join(", ")}.`,
    });
  }

  /** The very chart, also when its actors go on with a later one. */
  find(chart: Pick<StoredActor, "kind" | "machineHash">): MachineEntry | null {
    return this.#byChart.get(chartKey(chart)) ?? null;
  }

  /** How a stored actor goes on. Throws `machine_version_mismatch`: a changed chart is never guessed at. */
  routeFor(actor: ChartOfActor): Route {
    const route = this.#routes.get(chartKey(actor));
    if (route !== undefined) return route;
    throw chartMissing(actor);
  }

  list(): MachineEntry[] {
    return [...this.#current.values()];
  }
}

type ChartOfActor = Pick<StoredActor, "address" | "kind" | "machineVersion" | "machineHash">;

export function chartMissing({ address, kind, machineVersion, machineHash: hash }: ChartOfActor): RouseError {
  const text = `${address} was stored with version ${machineVersion} of ${kind} (chart ${hash}), which this node neither has nor can migrate`;
  return new RouseError("machine_version_mismatch", text, {
    nextStep: `Ask a node that runs ${kind}@${hash}, or start one: the version of Rouse that wrote it, or a newer one with a migration from it. The actor then goes on by itself.`,
    details: { address, kind, version: machineVersion, machineHash: hash },
  });
}

function keyOf({ kind, machine }: MachineEntry): string {
  return chartKey({ kind, machineHash: machineHash(machine) });
}

/** Hash of an earlier chart → the steps from it to the entry's own. */
function waysTo(entry: MachineEntry): Map<string, ChartMigration[]> {
  const { kind, version, machine, migrations = [] } = entry;
  const goal = machineHash(machine);
  const byOrigin = new Map(migrations.map((step) => [step.from, step]));
  if (byOrigin.size < migrations.length) throw unusable(kind, "two migrations begin at one chart");
  const ways = new Map<string, ChartMigration[]>();
  for (const { from } of migrations) {
    const steps: ChartMigration[] = [];
    let at = from;
    while (at !== goal) {
      const step = byOrigin.get(at);
      if (step === undefined || steps.includes(step))
        throw unusable(kind, `the migration from ${from} does not lead to version ${version} (${goal})`);
      steps.push(step);
      at = step.to;
    }
    ways.set(from, steps);
  }
  if (ways.has(goal)) throw unusable(kind, `a migration leads away from the current chart (${goal})`);
  return ways;
}

function unusable(kind: string, what: string): RouseError {
  return new RouseError("machine_forbidden_construct", `migrations of ${kind}: ${what}`, {
    nextStep: "See docs/versions.md.",
  });
}
