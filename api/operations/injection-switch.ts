import { z } from "zod";
import { pauseScopes, type PauseScope } from "../../machines/participant/contract.ts";
import type { Transaction } from "../../runtime/store.ts";

/** Red switches of the workspace and of threads, kept in its settings so that participants made later obey them too. */
const setting = z.object({ paused: z.boolean() });

/** Null: the whole workspace's. */
function settingName(threadId: string | null): string {
  return threadId === null ? "injection" : `injection/${threadId}`;
}

export async function isInjectionPaused(tx: Transaction, threadId: string | null): Promise<boolean> {
  const stored = await tx.getSetting(settingName(threadId));
  return stored === null || stored === undefined ? false : setting.parse(stored).paused;
}

export async function switchInjection(
  tx: Transaction,
  threadId: string | null,
  paused: boolean,
): Promise<void> {
  await tx.putSetting(settingName(threadId), { paused });
}

/** What holds this agent's wakes in this thread; null: whatever the thread. */
export async function pausedBy(
  tx: Transaction,
  { agentId, threadId }: { agentId: string; threadId: string | null },
): Promise<PauseScope[]> {
  const scopes = {
    agent: (await tx.getAgent(agentId))?.paused === true,
    thread: threadId !== null && (await isInjectionPaused(tx, threadId)),
    workspace: await isInjectionPaused(tx, null),
  };
  return pauseScopes.filter((scope) => scopes[scope]);
}
