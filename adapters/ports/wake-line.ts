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

/** The thread that a wake line in an input box points to; null for any other text. Boxes wrap and indent as they like. */
export function threadOfWakeLine(draft: string): string | null {
  const bare = draft.replaceAll(/\s+/g, "");
  const line = /^\[rouse[^\]]+\]\d+unreadinthread([a-z0-9-]+):callread_messages,thenack_read\.$/.exec(bare);
  return line?.[1] ?? null;
}

/** Recognises a wake line of any wake. */
export function isWakeLine(draft: string): boolean {
  return threadOfWakeLine(draft) !== null;
}

/** The wake that a wake line stands for; null for any other text. */
export function wakeIdOf(line: string): string | null {
  return isWakeLine(line) ? (/^\s*\[rouse ([^\]\s]+)\]/.exec(line)?.[1] ?? null) : null;
}
