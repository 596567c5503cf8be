import type { RegisteredMachine, RegisteredPort } from "../machines/registry.ts";
import { requireLawfulChart } from "./chart-rules.ts";
import { RouseError } from "./errors.ts";
import { machineHash } from "./machine-hash.ts";
import type { StoredActor } from "./store.ts";

export type AnyPort = RegisteredPort;
export type MachineEntry = Pick<RegisteredMachine, "kind" | "version" | "machine" | "ports">;

/** The charts this process knows, by kind; the last one given of a kind is used for new actors. */
export class Registry {
  readonly #current = new Map<string, MachineEntry>();
  readonly #byHash = new Map<string, MachineEntry>();

  /** Throws `machine_forbidden_construct` that names the states. */
  constructor(entries: readonly MachineEntry[]) {
    for (const entry of entries) {
      requireLawfulChart(entry.machine, entry.ports);
      this.#current.set(entry.kind, entry);
      this.#byHash.set(`${entry.kind}@${machineHash(entry.machine)}`, entry);
    }
  }

  /** The chart for new actors. Throws `machine_unknown`. */
  require(kind: string): MachineEntry {
    const entry = this.#current.get(kind);
    if (entry !== undefined) return entry;
    throw new RouseError("machine_unknown", `no machine of kind ${kind} is registered`, {
      nextStep: `Register it, or use one of: ${[...this.#current.keys()].join(", ")}.`,
    });
  }

  /** The very chart the actor was stored with. Throws `machine_version_mismatch`: a changed chart is never guessed at. */
  requireFor(actor: StoredActor): MachineEntry {
    const entry = this.#byHash.get(`${actor.kind}@${actor.machineHash}`);
    if (entry !== undefined) return entry;
    const text = `${actor.address} was stored with ${actor.kind}@${actor.machineVersion} (${actor.machineHash}), which this node does not have`;
    throw new RouseError("machine_version_mismatch", text, {
      nextStep: "Run the version of Rouse that wrote it, or migrate the actor.",
    });
  }

  list(): MachineEntry[] {
    return [...this.#current.values()];
  }
}
