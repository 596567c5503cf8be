import { topics, type Address } from "../machines/mail.ts";
import type { Notice } from "../machines/notifier/contract.ts";
import { dialogReasons } from "../machines/participant/block.ts";
import type { EngineRecord } from "../machines/records.ts";
import type { RuntimeFacts } from "../machines/runtime/contract.ts";
import { errorBody } from "./errors.ts";
import type { Intent } from "./intents.ts";
import type { TurnCommit } from "./store.ts";

/** What people have to hear of, found in what a turn writes anyway: so no chart can forget to tell it. Pure. */

export type FoundNotice = Omit<Notice, "noticeId" | "actor" | "at">;

/** An escalation, or a managed terminal that now waits for a person or for a limit. */
export function noticesOf(records: readonly EngineRecord[], intents: readonly Intent[]): FoundNotice[] {
  return [
    ...records.flatMap(({ type, params }) => {
      if (type !== "escalation.raised") return [];
      const { reason, threadId, agentId, detail } = params;
      return [{ reason, threadId, agentId, detail }];
    }),
    ...intents.flatMap((intent) => {
      if (intent.type !== "publish" || intent.event.type !== "runtime.reported") return [];
      return waitingTerminal(intent.event["runtime"] as RuntimeFacts) ?? [];
    }),
  ];
}

function waitingTerminal({ agentId, runtimeId, management, ...facts }: RuntimeFacts): FoundNotice | null {
  if (management !== "managed" || (facts.state !== "dialog" && facts.state !== "limited")) return null;
  const reason = facts.state === "limited" ? "usageLimit" : dialogReasons[facts.dialog ?? "permission"];
  return { reason, threadId: null, agentId, detail: `In the terminal of ${runtimeId}.` };
}

export function quarantineNotice(error: unknown): FoundNotice {
  return { reason: "quarantined", threadId: null, agentId: null, detail: errorBody(error).message };
}

/** The id is the place in the journal: a turn that is repeated tells the same notice. */
export function announcements(
  { address, seq }: { address: Address; seq: number },
  found: readonly FoundNotice[],
): TurnCommit["published"][number][] {
  return found.map((notice, index) => {
    const noticeId = `${address}@${seq}${index === 0 ? "" : `.${index}`}`;
    const event = { type: "notice.raised", noticeId, actor: address, ...notice };
    return { topic: topics.people, from: address, event };
  });
}
