import { setTimeout as pause } from "node:timers/promises";
import type { Store, Transaction } from "../../runtime/store.ts";

/** Broken on purpose: what the checks must find. */
export const plantedFaults = ["acknowledgesEarly", "forgetsStart"] as const;
export type PlantedFault = (typeof plantedFaults)[number];

export function plant(fault: PlantedFault | null, store: Store): Store {
  switch (fault) {
    case null:
      return store;
    case "acknowledgesEarly":
      return { ...store, transaction: acknowledgeEarly(store) };
    case "forgetsStart":
      return { ...store, startEffect: () => Promise.resolve() };
  }
}

const commitsLateMs = 5_000;

/** A post is answered before it is committed. */
function acknowledgeEarly(store: Store): Store["transaction"] {
  return (work, options) =>
    new Promise((resolve, reject) => {
      let isPost = false;
      const late = async (tx: Transaction) => {
        const noticing: Transaction = {
          ...tx,
          appendMessage: (message) => {
            isPost = true;
            return tx.appendMessage(message);
          },
        };
        const result = await work(noticing);
        if (isPost) {
          resolve(result);
          await pause(commitsLateMs);
        }
        return result;
      };
      store.transaction(late, options).then(resolve, reject);
    });
}
