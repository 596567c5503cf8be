import type { Store, Transaction } from "../../../runtime/store.ts";

/** The same store, its transactions' methods replaced where `change` says so. */
export function withTransactions(store: Store, change: (tx: Transaction) => Partial<Transaction>): Store {
  return {
    ...store,
    transaction: (work, options) => store.transaction((tx) => work({ ...tx, ...change(tx) }), options),
  };
}
