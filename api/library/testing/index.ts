/** Tests for durable actors: made from the chart itself, and with time that obeys. See docs/library.md. */
export { gapsOf, pathsOf, type Gaps, type ModelPath, type PathOptions } from "./paths.ts";
export { createTestNode, type TestNode } from "./test-node.ts";
export { VirtualClock } from "./virtual-clock.ts";
