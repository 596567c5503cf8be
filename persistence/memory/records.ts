import type { EngineRecord } from "../../machines/records.ts";
import type { Escalation, Page, WakeReceipt } from "../../runtime/domain.ts";
import { pageOf } from "../page.ts";
import { storable } from "../storable.ts";
import { inOrderOfRequest, toEffect } from "./effects.ts";
import { compare, type Scope } from "./state.ts";

/** By type: within one wake the order opened, acknowledged, closed is the only one. */
export function applyRecords(scope: Scope, records: readonly EngineRecord[]): void {
  for (const record of records.toSorted((a, b) => rankOf(a) - rankOf(b))) applyRecord(scope, record);
}

function rankOf({ type }: EngineRecord): number {
  return type === "wake.opened" ? 0 : 1;
}

/** First acknowledgement and first outcome of a wake stay. */
function applyRecord({ state }: Scope, record: EngineRecord): void {
  switch (record.type) {
    case "wake.opened": {
      const { at, ...wake } = record.params;
      const unanswered = {
        acknowledgedAt: null,
        acknowledgedBy: null,
        closedAt: null,
        outcome: null,
        reason: null,
      };
      if (!state.wakes.has(wake.wakeId))
        state.wakes.put(wake.wakeId, { ...wake, openedAt: at, ...unanswered });
      return;
    }
    case "wake.acknowledged": {
      const { wakeId, by, at } = record.params;
      const wake = state.wakes.get(wakeId);
      if (wake?.acknowledgedAt === null)
        state.wakes.put(wakeId, { ...wake, acknowledgedAt: at, acknowledgedBy: by });
      return;
    }
    case "wake.closed": {
      const { wakeId, outcome, reason, at } = record.params;
      const wake = state.wakes.get(wakeId);
      if (wake?.closedAt === null) state.wakes.put(wakeId, { ...wake, closedAt: at, outcome, reason });
      return;
    }
    case "thread.statusChanged": {
      const { threadId, status, by, reason, at } = record.params;
      const thread = state.threads.get(threadId);
      if (thread === undefined) return;
      const updatedAt = Math.max(thread.updatedAt, at);
      state.threads.put(threadId, {
        ...thread,
        status,
        statusBy: by,
        statusReason: storable(reason),
        updatedAt,
      });
      return;
    }
    case "escalation.raised": {
      const escalationId = String(state.nextId());
      state.escalations.put(escalationId, {
        ...record.params,
        detail: storable(record.params.detail),
        escalationId,
      });
    }
  }
}

export function listWakes(
  { state }: Scope,
  query: { threadId?: string; agentId?: string; wakeId?: string; limit: number },
): WakeReceipt[] {
  const { threadId, agentId, wakeId, limit } = query;
  const wakes = state.wakes
    .values()
    .filter((wake) => threadId === undefined || wake.threadId === threadId)
    .filter((wake) => agentId === undefined || wake.agentId === agentId)
    .filter((wake) => wakeId === undefined || wake.wakeId === wakeId)
    .toSorted((a, b) => compare(b.openedAt, a.openedAt) || compare(b.wakeId, a.wakeId))
    .slice(0, limit);
  const shown = new Set(wakes.map((wake) => wake.wakeId));
  const effects = state.effects
    .values()
    .filter(({ correlation }) => correlation !== null && shown.has(correlation))
    .toSorted(inOrderOfRequest)
    .map(toEffect);
  return wakes.map((wake) => ({
    ...wake,
    effects: effects
      .filter(({ correlation }) => correlation === wake.wakeId)
      .map(({ port, attempt, status, requestedAt, startedAt, finishedAt, outcome }) => ({
        port,
        attempt,
        status,
        requestedAt,
        startedAt,
        finishedAt,
        outcome,
      })),
  }));
}

export function listEscalations(
  { state }: Scope,
  { threadId, after, limit }: { threadId?: string; after?: string; limit: number },
): Page<Escalation> {
  const rows = state.escalations
    .values()
    .filter((escalation) => threadId === undefined || escalation.threadId === threadId)
    .filter(({ escalationId }) => after === undefined || Number(escalationId) < Number(after))
    .toSorted((a, b) => Number(b.escalationId) - Number(a.escalationId))
    .slice(0, limit + 1);
  return pageOf(rows, limit, ({ escalationId }) => escalationId);
}
