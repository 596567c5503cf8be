import type { Plant } from "../contract.ts";

/** A bug put in on purpose, to prove that the check of its invariant can fail. No switch of it exists in production. */
export interface Planted {
  invariant: number;
  name: string;
  /** What is wrong, one sentence. */
  sentence: string;
  plant: Plant;
}
