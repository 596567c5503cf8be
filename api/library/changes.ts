import { LocalBell } from "../../persistence/local-bell.ts";
import type { Store } from "../../runtime/store.ts";

/** The store, and word of whatever this process commits through it. Other processes are found by looking again. */
export interface Changes {
  store: Store;
  onChange: (listener: () => void) => () => void;
}

export function watchChanges(store: Store): Changes {
  const bell = new LocalBell();
  return {
    store: {
      ...store,
      async transaction(work, options) {
        const result = await store.transaction(work, options);
        bell.ring();
        return result;
      },
    },
    onChange: (listener) => bell.onRing(listener),
  };
}
