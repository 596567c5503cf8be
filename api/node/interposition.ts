import type { TerminalBackend } from "../../machines/runtime/contract.ts";
import type { NodeTiming } from "../../runtime/node.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import type { OpenDatabase } from "./database.ts";
import type { Terminals } from "./terminals.ts";

/**
 * Stands between the engine and its outside. Each function gets the real part and returns what the node uses in its
 * place. Tests end the process between two calls there; a node that people run has none.
 */
export interface Interposition {
  store?: (store: Store) => Store;
  doorbell?: (doorbell: Doorbell) => Doorbell;
  terminal?: (terminal: Terminal) => Terminal;
  timing?: Partial<NodeTiming>;
}

export function interposeDatabase(
  database: OpenDatabase,
  { store, doorbell }: Interposition = {},
): OpenDatabase {
  return {
    ...database,
    store: store?.(database.store) ?? database.store,
    doorbell: doorbell?.(database.doorbell) ?? database.doorbell,
  };
}

export function interposeTerminals(terminals: Terminals, { terminal }: Interposition = {}): Terminals {
  if (terminal === undefined) return terminals;
  const byBackend: Terminals["byBackend"] = {};
  for (const [backend, real] of Object.entries(terminals.byBackend)) {
    byBackend[backend as TerminalBackend] = terminal(real);
  }
  return { ...terminals, byBackend };
}
