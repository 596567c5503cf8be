import { sanitizeLine } from "../terminals/sanitize.ts";

const maxWakeLineBytes = 200;

/** The only text that a wake types: it points to the work and carries nothing that others wrote. */
export function wakeLine({
  wakeId,
  unread,
  threadId,
}: {
  wakeId: string;
  unread: number;
  threadId: string;
}): string {
  const text = `[rouse ${wakeId}] ${unread} unread in thread ${threadId}: call read_messages, then ack_read.`;
  return sanitizeLine(text, { maxBytes: maxWakeLineBytes });
}

/** Recognises a wake line of any wake in an input box, which wraps and indents as it likes. */
export function isWakeLine(draft: string): boolean {
  const bare = draft.replaceAll(/\s+/g, "");
  return /^\[rouse[^\]]+\]\d+unreadinthread[a-z0-9-]+:callread_messages,thenack_read\.$/.test(bare);
}
