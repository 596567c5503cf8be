import { defaultWakePolicy } from "../../machines/participant/contract.ts";
import { defaultRuntimePolicy } from "../../machines/runtime/events.ts";
import type { Policies } from "../../api/operations/operation.ts";
import type { NodeTiming } from "../../runtime/node.ts";
import type { Choices } from "./choices.ts";

/** What a seed's run is made of: the nodes, which faults may strike, how often, and for how long. */

export const actFaults = [
  "crashBefore",
  "crashAfter",
  "databaseUnavailable",
  "outcomeUnknownDone",
  "outcomeUnknownLost",
  "conflict",
  "terminalFailed",
] as const;
export const worldFaults = [
  "crash",
  "stall",
  "outage",
  "readOnly",
  "clockJump",
  "drain",
  "lostRings",
  "night",
  "programEnds",
  "programReplaced",
  "bareShell",
] as const;
export type FaultKind = (typeof actFaults)[number] | (typeof worldFaults)[number];

export interface NodeSpec {
  nodeId: string;
  host: string;
}

export interface Profile {
  nodes: readonly NodeSpec[];
  faults: ReadonlySet<FaultKind>;
  /** Of each act. */
  faultRate: number;
  /** Steps until the faults stop. */
  steps: number;
}

const twins: readonly NodeSpec[] = [
  { nodeId: "n1", host: "alpha" },
  { nodeId: "n2", host: "alpha" },
];

/** Each seed turns some faults on and others off: rare combinations come up that an even mix would drown. */
export function chooseProfile(choices: Choices, steps?: number): Profile {
  const stream = "profile";
  const nodes = choices.one(stream, [
    [{ nodeId: "n1", host: "alpha" }],
    twins,
    twins,
    [
      { nodeId: "n1", host: "alpha" },
      { nodeId: "n2", host: "beta" },
    ],
  ]);
  const kinds: FaultKind[] = [...actFaults, ...worldFaults];
  const faults = new Set(kinds.filter(() => choices.chance(stream, 0.5)));
  const faultRate = choices.one(stream, [0.01, 0.02, 0.05, 0.1]);
  return { nodes, faults, faultRate, steps: steps ?? choices.between(stream, 200, 500) };
}

/** As configured by default, but with shorter waits where only the waiting itself would be simulated. */
export const policies: Policies = {
  thread: { maxTurnsWithoutProgress: 5, maxRepeatedFindings: 3 },
  wake: {
    ...defaultWakePolicy,
    ackExtendedMs: 60_000,
    readingMs: 15_000,
    startAckTimeoutMs: 15_000,
    wakesPerWindow: 6,
    presenceFreshMs: 60_000,
  },
  runtime: { ...defaultRuntimePolicy, staleAfterMs: 60_000, expireAfterMs: 120_000 },
};

export const timing: NodeTiming = {
  pollMs: 2_000,
  reconcileMs: 5_000,
  leaseMs: 10_000,
  beatMs: 5_000,
  nodeLostMs: 20_000,
  drainMs: 5_000,
};

export const quietWindowMs = policies.wake.quietWindowMs;
