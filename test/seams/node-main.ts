import { flushCompileCache } from "node:module";
import { loadConfig } from "../../api/config.ts";
import { Home } from "../../api/node/home.ts";
import { serve } from "../../api/node/serve.ts";
import type { NodeFile } from "../../api/node-messages.ts";
import { plant, plantedFaults } from "./planted.ts";
import { seamDoorbell, seamStore, seamTerminal } from "./seamed-parts.ts";
import { isSeamName } from "./seams.ts";
import { type Passings, type Trip, Tripwire } from "./tripwire.ts";

/**
 * A real node that dies at a seam: `node-main.ts [SEAM PASSING]`, or later by a message. Composed as `api/main.ts serve`
 * composes it, with seams around store, doorbell and terminals.
 */

export type Order = { type: "arm"; trip: Trip | null } | { type: "count" };
export type Answer =
  | { type: "ready"; node: NodeFile }
  | { type: "armed" }
  | { type: "passings"; passings: Passings };

/** The real defaults wait for seconds where a test has none. */
const timing = { pollMs: 400, reconcileMs: 1_000, leaseMs: 3_000, beatMs: 400 };

const [, , seam = "", passing = "1"] = process.argv;
const wire = new Tripwire();
if (isSeamName(seam)) wire.arm({ seam, passing: Number(passing) });
const fault = plantedFaults.find((each) => each === process.env["SEAMS_PLANTED"]) ?? null;

const config = loadConfig(process.env);
const serving = await serve({
  config,
  home: new Home(config.home),
  onProgress: () => {},
  interposition: {
    store: (store) => seamStore(plant(fault, store), wire),
    doorbell: (doorbell) => seamDoorbell(doorbell, wire),
    terminal: (terminal) => seamTerminal(terminal, wire),
    timing,
  },
});
process.on("message", (order: Order) => {
  if (order.type === "count") return tell({ type: "passings", passings: wire.passings });
  wire.arm(order.trip);
  tell({ type: "armed" });
});
// The channel closes when the harness asks for a stop, and when it is gone.
process.once("disconnect", () => void serving.stop().then(() => process.exit(0)));
tell({ type: "ready", node: serving.node });
// Otherwise it is kept at a process's good end, which comes to few here.
flushCompileCache();

function tell(answer: Answer): void {
  process.send?.(answer);
}
