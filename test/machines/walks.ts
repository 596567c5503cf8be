import type { Model } from "../../runtime/model/model.ts";
import { notifierMeans } from "../../machines/notifier/contract.ts";
import { notifierModel } from "./notifier-model.ts";
import { modelOf, sides, whole } from "./participant-model.ts";
import { modelInputs, runtimeModel } from "./runtime-model.ts";
import { modelPolicies, threadModel } from "./thread-model.ts";

export interface Walks {
  /** Each explored for paths. */
  models: readonly Model<never>[];
  /** Wandered through at random. */
  whole: Model<never>;
}

/** The models of every kind of actor. */
export const walks: Record<string, Walks> = {
  thread: { models: modelPolicies.map(threadModel), whole: threadModel(modelPolicies[0]!) },
  participant: { models: sides.map(modelOf), whole: modelOf(whole) },
  notifier: { models: notifierMeans.map((means) => notifierModel(means)), whole: notifierModel("webhook") },
  runtime: { models: modelInputs.map(runtimeModel), whole: runtimeModel(modelInputs[0]) },
};
