import type { Notice, NoticeReason, Notification } from "../../machines/notifier/contract.ts";
import { blockDetails } from "../../machines/participant/block.ts";
import { printableLine } from "../../runtime/printable.ts";

/** A notification in words: where, why, and the command to type. Pure. */

const meanings: Record<NoticeReason, string> = {
  ...blockDetails,
  unanswered: "A message that wants a reply was read and not answered in time.",
  quarantined: "An actor was set aside: it could not process an event, or no node has its chart.",
  test: "A trial: this is how you are told.",
};

export interface NoticeWords {
  meaning: string;
  /** A command line; ids alone, nothing that others wrote. */
  next: string;
  /** Null unless the settings allow what others wrote. */
  detail: string | null;
}

export function wordsOf(notice: Notice, { withDetails }: { withDetails: boolean }): NoticeWords {
  const { reason, detail } = notice;
  return {
    meaning: meanings[reason],
    next: nextOf(notice),
    detail: withDetails ? plain(detail) : null,
  };
}

function nextOf({ reason, threadId, agentId }: Notice): string {
  if (reason === "quarantined") return "rouse actors quarantined";
  if (reason === "test") return "rouse notifications list";
  if (agentId !== null) return `rouse explain ${agentId}${threadId === null ? "" : ` --thread ${threadId}`}`;
  return threadId === null ? "rouse escalations" : `rouse thread show ${threadId}`;
}

const mostDetail = 300;

/** One line without markup: desktops read some of it. */
function plain(text: string): string {
  return printableLine(text).replaceAll(/[<>&]/g, "").slice(0, mostDetail);
}

/** One line: `Rouse: unanswered, bob in th-1`, or `Rouse: 12 calls (10 unanswered, 2 exhausted)`. */
export function titleOf({ count, reasons, notices }: Notification): string {
  const [first] = notices;
  if (count === 1 && first !== undefined) return `Rouse: ${first.reason}, ${placeOf(first)}`;
  const counts = Object.entries(reasons).map(([reason, times]) => `${times} ${reason}`);
  return `Rouse: ${count} calls (${counts.join(", ")})`;
}

const linesShown = 5;

/** A line for each of the first notices. */
export function bodyOf({ count, notices }: Notification, options: { withDetails: boolean }): string {
  const shown = notices.slice(0, linesShown);
  const lines = shown.map((notice) => {
    const { meaning, next, detail } = wordsOf(notice, options);
    return `${placeOf(notice)}: ${[meaning, detail].filter((part) => part !== null).join(" ")} Next: ${next}`;
  });
  const more = count - shown.length;
  return [...lines, ...(more === 0 ? [] : [`${more} more: rouse escalations`])].join("\n");
}

function placeOf({ threadId, agentId, actor }: Notice): string {
  if (agentId === null) return threadId ?? actor;
  return threadId === null ? agentId : `${agentId} in ${threadId}`;
}
