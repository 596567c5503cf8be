import type { RuntimeFacts, RuntimeState } from "../runtime/contract.ts";
import type { AgentFacts } from "./contract.ts";
import type { ParticipantContext } from "./events.ts";

/** What the participant knows of the cursor and of its agent, and how news changes it. Pure. */

const notLiving: readonly RuntimeState[] = ["stale", "dead", "crashLooping", "deregistered"];
const gone: readonly RuntimeState[] = ["dead", "crashLooping", "deregistered"];

export function isLiving(runtime: RuntimeFacts | null): runtime is RuntimeFacts {
  return runtime !== null && !notLiving.includes(runtime.state);
}

/** Its process is known to have ended; `stale` is only silent. */
export function isGone(runtime: RuntimeFacts): boolean {
  return gone.includes(runtime.state);
}

/** Somebody wrote to the terminal of a living managed runtime may be allowed; unmanaged ones never. */
export function isManagedLiving(runtime: RuntimeFacts | null): runtime is RuntimeFacts {
  return isLiving(runtime) && runtime.management === "managed";
}

export interface CursorNews {
  lastReadSeq: number;
  headSeq?: number;
  unread: number;
}

type Cursor = Pick<ParticipantContext, "headSeq" | "lastReadSeq" | "unread">;

/**
 * The cursor never goes back. A count from before our newest message is too low, so at least that one stays unread.
 */
export function cursorAfter(known: Cursor, news: CursorNews): Cursor {
  const headSeq = Math.max(known.headSeq, news.headSeq ?? 0);
  const lastReadSeq = Math.max(known.lastReadSeq, news.lastReadSeq);
  const unread = lastReadSeq >= headSeq ? 0 : Math.max(1, news.unread);
  return { headSeq, lastReadSeq, unread };
}

export function cursorAfterPost(known: Cursor, seq: number): Cursor {
  if (seq <= known.headSeq) return known;
  return { ...known, headSeq: seq, unread: seq > known.lastReadSeq ? known.unread + 1 : known.unread };
}

/** The agent may have several runtimes; one is the target. `expectedId`: the one this wake started. */
export function preferredRuntime(
  known: RuntimeFacts | null,
  reported: RuntimeFacts,
  expectedId: string | null,
): RuntimeFacts {
  if (known === null || known.runtimeId === reported.runtimeId || !isLiving(known)) return reported;
  return rank(reported, expectedId) > rank(known, expectedId) ? reported : known;
}

/** News of one runtime. The others that live are remembered: nothing but their next change would tell of them again. */
export function withRuntime(
  agent: AgentFacts,
  reported: RuntimeFacts,
  expectedId: string | null,
): AgentFacts {
  const runtime = preferredRuntime(agent.runtime, reported, expectedId);
  return { ...agent, runtime, spares: sparesOf([reported, agent.runtime, ...agent.spares], runtime) };
}

/** A spare that serves better than the target: one that lives, where the target ended or is not ours to touch. */
export function betterSpare({ runtime, spares }: AgentFacts): RuntimeFacts | null {
  const best = spares.find(isManagedLiving) ?? spares[0] ?? null;
  return best !== null && rank(best, null) > rank(runtime, null) ? best : null;
}

export function withTarget(agent: AgentFacts, target: RuntimeFacts): AgentFacts {
  return { ...agent, runtime: target, spares: sparesOf([...agent.spares, agent.runtime], target) };
}

/** Of several facts about one runtime the first counts. */
function sparesOf(known: readonly (RuntimeFacts | null)[], target: RuntimeFacts): RuntimeFacts[] {
  const others = known.filter((runtime) => runtime !== null && runtime.runtimeId !== target.runtimeId);
  const latest = new Map(others.toReversed().map((runtime) => [runtime?.runtimeId, runtime]));
  return [...latest.values()]
    .filter(isLiving)
    .toSorted((one, other) => (one.runtimeId < other.runtimeId ? -1 : 1));
}

function rank(runtime: RuntimeFacts | null, expectedId: string | null): number {
  if (!isLiving(runtime)) return 0;
  if (runtime.management === "unmanaged") return 1;
  return runtime.runtimeId === expectedId ? 3 : 2;
}

export function withHeartbeat(
  agent: AgentFacts,
  beat: { sessionId: string | null; host: string | null; resumable: boolean },
  at: number,
): AgentFacts {
  const { sessionId, host, resumable } = beat;
  if (sessionId === null || host === null) return { ...agent, lastHeartbeatAt: at };
  return { ...agent, lastHeartbeatAt: at, session: { sessionId, host, resumable } };
}

/**
 * Reconciliation reads heartbeats from a table that may lag behind the mail. It knows which runtimes live, not which
 * one this participant chose.
 */
export function agentAfter(known: AgentFacts, truth: AgentFacts): AgentFacts {
  const heard = [known.lastHeartbeatAt, truth.lastHeartbeatAt].filter((at) => at !== null);
  const chosen = truth.spares.find(({ runtimeId }) => runtimeId === known.runtime?.runtimeId);
  return {
    ...(chosen === undefined ? truth : withTarget(truth, chosen)),
    lastHeartbeatAt: heard.length === 0 ? null : Math.max(...heard),
  };
}
