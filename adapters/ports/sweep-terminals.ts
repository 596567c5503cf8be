import { addresses } from "../../machines/mail.ts";
import type { Chore } from "../../runtime/ports.ts";
import type { Store, StoredActor } from "../../runtime/store.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import { hasEnded, readRuntime } from "./managed-runtime.ts";
import type { WorldOptions } from "./world.ts";

export type SweepOptions = Pick<WorldOptions, "terminals"> & { store: Pick<Store, "getActor"> };

const everyMs = 15_000;

/**
 * Ends terminals that were launched for a runtime which never learned of them and has ended since: the node died, or
 * the launch was given up, between the act and its record. Nobody types into them or watches them, so nobody else will.
 * Twice in a row, so that what is being recorded at this moment is left alone.
 */
export function sweepTerminals(options: SweepOptions): Chore {
  let suspects = new Set<string>();
  return {
    name: "terminals",
    everyMs,
    async run() {
      const found = await findOrphans(options);
      for (const { terminal, address } of found) {
        if (suspects.has(keyOf(address))) await terminal.kill(address);
      }
      suspects = new Set(found.map(({ address }) => keyOf(address)));
    },
  };
}

async function findOrphans({
  terminals,
  store,
}: SweepOptions): Promise<{ terminal: Terminal; address: TerminalAddress }[]> {
  const orphans: { terminal: Terminal; address: TerminalAddress }[] = [];
  for (const terminal of Object.values(terminals)) {
    for (const { runtimeId, address } of await terminal.listLaunched()) {
      const actor = await store.getActor(addresses.runtime(runtimeId));
      if (actor !== null && isForgotten(actor, address)) orphans.push({ terminal, address });
    }
  }
  return orphans;
}

/** A runtime that this database does not know may be another's: the folder of terminals outlives a change of database. */
function isForgotten(actor: StoredActor, { pid }: TerminalAddress): boolean {
  if (actor.status === "quarantined") return false;
  const runtime = readRuntime(actor);
  return hasEnded(actor, runtime) && runtime.management === "managed" && runtime.address?.pid !== pid;
}

function keyOf({ server, target, pid, pidStartedAt }: TerminalAddress): string {
  return [server, target, pid, pidStartedAt].join(" ");
}
