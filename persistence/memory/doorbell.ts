import type { Doorbell } from "../../runtime/store.ts";
import { LocalBell } from "../local-bell.ts";

/** Rings for listeners of this process only. */
export function createMemoryDoorbell(): Doorbell {
  const bell = new LocalBell();
  return {
    ring: () => bell.ring(),
    onRing: (listener) => bell.onRing(listener),
    close: async () => bell.clear(),
  };
}
