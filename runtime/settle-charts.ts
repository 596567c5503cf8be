import { bringBack, setAside } from "./quarantine.ts";
import { chartMissing, type Registry } from "./registry.ts";
import type { Store } from "./store.ts";

const actorsPerPass = 64;

/**
 * The slow pass over actors whose charts come and go with the nodes: what no living node can go on with is set aside,
 * visibly; what was set aside for that and can go on here comes back. Returns how many came back.
 */
export async function settleCharts(request: {
  store: Store;
  registry: Registry;
  nodeLostMs: number;
}): Promise<number> {
  const { store, registry, nodeLostMs: lostAfterMs } = request;
  const { charts } = registry;
  let broughtBack = 0;
  let isDone = false;
  while (!isDone) {
    isDone = await store.transaction(async (tx) => {
      const missing = await tx.claimUnrunnable({ charts, lostAfterMs, limit: actorsPerPass });
      const found = await tx.claimSetAside({ charts, limit: actorsPerPass });
      await tx.commitTurns([
        ...missing.map((actor) => setAside(actor, chartMissing(actor))),
        ...found.map(bringBack),
      ]);
      broughtBack += found.length;
      return missing.length < actorsPerPass && found.length < actorsPerPass;
    });
  }
  return broughtBack;
}
