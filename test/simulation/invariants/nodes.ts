import type { CheckFamily, Commit, SimProcess, SimWorld } from "../contract.ts";

/** 23: a node that drains takes no new work, finishes or hands back what it holds, and then does nothing more. */
export class NodeChecks implements CheckFamily {
  readonly #world: SimWorld;
  readonly #claims = new Map<SimProcess, number>();
  readonly #drained = new Set<SimProcess>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit({ process, method, who }: Commit): void {
    if (process.drainingSinceStep === null || who?.type === "request") return;
    // What outlasted the deadline may still be handed back.
    const handsBack = who !== null || method === "settleEffect" || method === "releaseEffect";
    if (this.#drained.has(process) && !handsBack)
      this.#world.violated(23, `${process.name} wrote by ${method} after it had drained`);
    if (method !== "claimEffects" && method !== "claimExpiredEffects") return;
    const claims = (this.#claims.get(process) ?? 0) + 1;
    this.#claims.set(process, claims);
    // Each of the two loops may have been in the middle of one.
    if (claims > 3) this.#world.violated(23, `${process.name} took new work while it drained`);
  }

  onDrained(process: SimProcess): void {
    if (!process.alive) return;
    this.#drained.add(process);
    if (process.wasStruckWhileDraining) return;
    const { state } = this.#world;
    const own = new Set(process.heldLeases);
    for (const key of state.openEffects.values()) {
      const effect = state.effects.get(key);
      if (effect?.status === "running" && own.has(`${key}:${effect.token}`)) {
        this.#world.violated(23, `${process.name} has drained and still holds ${effect.port} ${key}`);
      }
    }
  }
}
