import { registeredMachines } from "../../../machines/registry.ts";
import { connect } from "../../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { createNode } from "../../../runtime/node.ts";
import { Registry } from "../../../runtime/registry.ts";
import type { Doorbell } from "../../../runtime/store.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { LatencyStore } from "./latency-store.ts";
import { workspaceId, type NodeOrder, type NodeReport } from "./node-process.ts";

/** A node of the engine as a process of its own: loops and store, no server and no terminals. Started by `EngineNode`. */

const [, , url = "", nodeId = "", bell = "", pollMs = ""] = process.argv;
const database = connect({ url, applicationName: nodeId });
const measured = new LatencyStore(createPostgresStore({ database, workspaceId }));
const node = createNode({
  nodeId,
  host: nodeId,
  url: "http://127.0.0.1:1",
  store: measured.store,
  doorbell: bell === "bell" ? createPostgresDoorbell({ url, workspaceId }) : deaf(),
  registry: new Registry(registeredMachines),
  ports: () => [],
  clock: systemClock,
  onError: (context, error) => console.error(nodeId, context, error),
  timing: pollMs === "" ? {} : { pollMs: Number(pollMs) },
});
await node.join();
node.start();
process.on("message", (order: NodeOrder) => void obey(order));
process.on("disconnect", () => process.exit());
tell(report());

async function obey(order: NodeOrder): Promise<void> {
  if (order === "report") return tell(report());
  await node.stop();
  process.exit();
}

function report(): NodeReport {
  const { user, system } = process.cpuUsage();
  return {
    latenciesMs: measured.take(),
    cpuMs: (user + system) / 1_000,
    rssMb: process.memoryUsage.rss() / 2 ** 20,
  };
}

function tell(message: NodeReport): void {
  process.send?.(message);
}

/** Without a doorbell a node finds its work by polling alone. */
function deaf(): Doorbell {
  return { ring: () => {}, onRing: () => () => {}, close: () => Promise.resolve() };
}
