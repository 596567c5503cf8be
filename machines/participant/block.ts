import type { BlockReason, DeferReason } from "../reasons.ts";
import type { RuntimeFacts } from "../runtime/contract.ts";
import type { Block, ParticipantContext } from "./events.ts";
import { isGone, isLiving, isManagedLiving } from "./facts.ts";
import { isThreadBlocked } from "./policy.ts";

/** Why a participant is blocked, how it is told to people, and which news lifts the block. Pure. */

export const blockDetails: Record<BlockReason, string> = {
  exhausted: "Every channel was tried and nobody acknowledged.",
  unmanaged: "No managed runtime, resumable session or launch definition is known for this agent.",
  humanPresent: "A person holds the agent's terminal or left a draft in it.",
  agentBusy: "The agent has been at work for longer than its bound.",
  stateUnknown: "What the agent's terminal shows is not understood, so nothing is typed.",
  hostDown: "The host of the agent's runtime is silent.",
  crashLooping: "The agent's runtime keeps dying.",
  permissionPending: "The agent waits for a person's permission.",
  trustPending: "The agent asks whether the folder is trusted.",
  loginRequired: "The agent is logged out.",
  updatePending: "The agent asks about an update.",
  usageLimit: "The agent's usage limit is reached.",
  loopNoProgress: "The thread goes on without progress.",
  loopRepeatedFinding: "The thread repeats the same finding.",
  operator: "Blocked by command.",
};

export const dialogReasons = {
  permission: "permissionPending",
  trust: "trustPending",
  login: "loginRequired",
  update: "updatePending",
} as const;

export function blockFor(context: ParticipantContext, at: number): Block {
  const byThread = isThreadBlocked(context);
  const reason = byThread ? (context.threadBlock ?? "operator") : reasonFor(context);
  const detail = reason === "exhausted" ? exhaustedDetail(context) : blockDetails[reason];
  return { reason, at, detail, until: resetAfter(context, reason, at), byThread };
}

/** The wake is closed by the block, so what came of each hop is told here. */
function exhaustedDetail({ agent: { runtime }, wake }: ParticipantContext): string {
  const hops = (wake?.hops ?? []).map(({ hop, outcome, reason }) => `${hop} ${reason ?? outcome}`);
  const tried = hops.length === 0 ? "" : ` Tried: ${[...new Set(hops)].join(", ")}.`;
  const end = runtime === null || runtime.detail === null ? "" : ` Its last terminal: ${runtime.detail}.`;
  return `${blockDetails.exhausted}${tried}${end}`;
}

export function blockByCommand(at: number, detail: string): Block {
  return { reason: "operator", at, detail, until: null, byThread: false };
}

function resetAfter({ agent }: ParticipantContext, reason: BlockReason, now: number): number | null {
  const until = reason === "usageLimit" ? (agent.runtime?.limitedUntil ?? null) : null;
  return until !== null && until > now ? until : null;
}

function reasonFor({ agent, wake }: ParticipantContext): BlockReason {
  const { runtime } = agent;
  const standing = runtime?.state;
  if (isManagedLiving(runtime)) return reasonOf(runtime, wake?.deferReason ?? null);
  if (isLiving(runtime)) return "unmanaged";
  if (standing === "crashLooping") return "crashLooping";
  if (standing === "stale" || wake?.hops.at(-1)?.reason === "hostSilent") return "hostDown";
  const tried = wake?.hops.some(({ outcome }) => outcome !== "deferred") === true;
  return tried ? "exhausted" : "unmanaged";
}

function reasonOf(runtime: RuntimeFacts, deferReason: DeferReason | null): BlockReason {
  switch (runtime.state) {
    case "dialog":
      return dialogReasons[runtime.dialog ?? "permission"];
    case "limited":
      return "usageLimit";
    case "busy":
      return "agentBusy";
    case "humanTyping":
      return "humanPresent";
    case "unknown":
      return "stateUnknown";
    default:
      return (deferReason === null ? undefined : seenByPort[deferReason]) ?? "exhausted";
  }
}

/** What deliveries met although the last report said idle. */
const seenByPort: Partial<Record<DeferReason, BlockReason>> = {
  humanTyping: "humanPresent",
  draftPresent: "humanPresent",
  readingHistory: "humanPresent",
  agentBusy: "agentBusy",
  dialogOpen: "stateUnknown",
  stateUnknown: "stateUnknown",
  hostDraining: "hostDown",
};

/** Blocks whose cause stands in the terminal: an agent that became idle, or whose process ended, lifts them. */
const terminalReasons: readonly BlockReason[] = [
  "humanPresent",
  "agentBusy",
  "stateUnknown",
  "permissionPending",
  "trustPending",
  "loginRequired",
  "updatePending",
  "usageLimit",
];
/** Blocks for want of a channel: a managed runtime that lives lifts them, or a new way to start one. */
const channelReasons: readonly BlockReason[] = ["unmanaged", "hostDown", "crashLooping"];

/**
 * Only news lifts a block, never a repetition: a draft blocks while the runtime counts as idle, and would otherwise
 * be lifted at once and met again without end.
 */
export function isLiftedBy(block: Block, before: RuntimeFacts | null, after: RuntimeFacts | null): boolean {
  if (block.byThread || after === null || sameStanding(before, after)) return false;
  if (terminalReasons.includes(block.reason)) return after.state === "idle" || isGone(after);
  return channelReasons.includes(block.reason) && isManagedLiving(after);
}

function sameStanding(before: RuntimeFacts | null, after: RuntimeFacts): boolean {
  return (
    before !== null &&
    before.runtimeId === after.runtimeId &&
    before.state === after.state &&
    before.management === after.management &&
    before.injection === after.injection
  );
}

type Ways = Pick<ParticipantContext["agent"], "session" | "spawnHost">;

export function isLiftedByWays(block: Block, before: Ways, after: Ways): boolean {
  if (block.byThread || !channelReasons.includes(block.reason)) return false;
  const spawnable = after.spawnHost !== null && after.spawnHost !== before.spawnHost;
  const resumable =
    after.session?.resumable === true &&
    (before.session?.sessionId !== after.session.sessionId || !before.session.resumable);
  return spawnable || resumable;
}
