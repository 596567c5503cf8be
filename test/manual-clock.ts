export { VirtualClock as ManualClock } from "../api/library/testing/virtual-clock.ts";
