import type { Doorbell } from "../../runtime/store.ts";
import { LocalBell } from "../local-bell.ts";

/** Rings for listeners of this process only. */
export function createMemoryDoorbell(): Doorbell {
  const bell = new LocalBell();
  return {
    ring: (work) => bell.ring(work),
    onRing: (listener, work) => bell.onRing(listener, work),
    close: async () => bell.clear(),
  };
}
