import { authorityBugs } from "./authority.ts";
import { effectBugs } from "./effects.ts";
import { messageBugs } from "./messages.ts";
import type { Planted } from "./planted.ts";
import { turnBugs } from "./turns.ts";
import { wakeBugs } from "./wakes.ts";

/** At least one for each invariant. */
export const plantedBugs: readonly Planted[] = [
  ...messageBugs,
  ...turnBugs,
  ...effectBugs,
  ...wakeBugs,
  ...authorityBugs,
].toSorted((a, b) => a.invariant - b.invariant);
