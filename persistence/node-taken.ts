import { RouseError } from "../runtime/errors.ts";
import type { NodeHolder } from "../runtime/store.ts";

export function nodeIdTaken(nodeId: string, holder: NodeHolder): RouseError {
  const where = holder.process === null ? holder.host : `${holder.host} as process ${holder.process.pid}`;
  const text = `Another process is node ${nodeId}: on ${where}, heard of ${holder.silentMs} ms ago.`;
  return new RouseError("node_id_taken", text, {
    nextStep: `End that one, or give this one an id of its own: remove node.id from its ROUSE_HOME.`,
    details: { node_id: nodeId, ...holder },
  });
}
