import { z } from "zod";
import type { PauseScope } from "../../machines/participant/contract.ts";
import type { Agent } from "../../runtime/domain.ts";
import type { Transaction } from "../../runtime/store.ts";

/** The workspace's red switch, kept in its settings so that participants made later obey it too. */
const settingName = "injection";
const setting = z.object({ paused: z.boolean() });

export async function isWorkspacePaused(tx: Transaction): Promise<boolean> {
  const stored = await tx.getSetting(settingName);
  return stored === null || stored === undefined ? false : setting.parse(stored).paused;
}

export async function switchWorkspace(tx: Transaction, paused: boolean): Promise<void> {
  await tx.putSetting(settingName, { paused });
}

export async function pausedBy(tx: Transaction, agent: Agent | null): Promise<PauseScope[]> {
  const scopes: PauseScope[] = agent?.paused === true ? ["agent"] : [];
  return (await isWorkspacePaused(tx)) ? [...scopes, "workspace"] : scopes;
}
