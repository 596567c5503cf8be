/** What callers may ask of one node. Figures are configuration: see docs/configuration.md. */
export interface HttpLimits {
  /** Calls of one agent within the window, over all its tokens. */
  callsPerAgent: number;
  /** Calls from one network address within the window that show no token known to be good. */
  callsPerPeer: number;
  callWindowMs: number;
  /** Open connections of all callers together, streams included; 0: no limit. */
  connections: number;
  /** Open event streams of one agent. */
  streamsPerAgent: number;
  /** Open event streams of all callers together. */
  streams: number;
  streamHeartbeatMs: number;
  /** A follower that takes nothing for so long is let go. */
  streamSlowMs: number;
  /** A request must have arrived whole within this time. */
  requestTimeoutMs: number;
  /** Levels of lists and objects within each other in a body. */
  bodyDepth: number;
  /** Beyond this delay of its event loop, on average, the node takes no calls for a moment; 0: never. */
  overloadedDelayMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  callsPerAgent: 2_000,
  callsPerPeer: 4_000,
  callWindowMs: 10_000,
  connections: 1_000,
  streamsPerAgent: 8,
  streams: 500,
  streamHeartbeatMs: 15_000,
  streamSlowMs: 30_000,
  requestTimeoutMs: 30_000,
  bodyDepth: 32,
  overloadedDelayMs: 1_000,
};
