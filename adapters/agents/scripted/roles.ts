/** What the scripted agent answers. Pure: the whole thread in, the posts that are still missing out. */

export const scriptedRoles = ["executioner", "reviewer", "helper", "scribe", "echo"] as const;
export type ScriptedRole = (typeof scriptedRoles)[number];

export interface ReadMessage {
  seq: number;
  author: string;
  authorRole: string;
  kind: string;
  body: string;
  to: readonly string[] | null;
  inReplyTo: number | null;
}

export interface Post {
  kind: "message" | "finding" | "decision" | "question";
  body: string;
  inReplyTo: number;
}

type Reply = Pick<Post, "kind" | "body"> | null;

/** A message that was answered already gets no second answer, so a resumed agent repeats nothing. */
export function missingPosts(role: ScriptedRole, self: string, messages: readonly ReadMessage[]): Post[] {
  const own = messages.filter(({ author }) => author === self);
  const answered = new Set(own.map(({ inReplyTo }) => inReplyTo));
  const foreign = messages.filter(({ author, to }) => author !== self && (to === null || to.includes(self)));
  return foreign.flatMap((message) => {
    if (answered.has(message.seq)) return [];
    const isFirstPost = own.length === 0 && message.seq === foreign.at(-1)?.seq;
    const reply = replies[role](message, { isFirstPost, messages });
    return reply === null ? [] : [{ ...reply, inReplyTo: message.seq }];
  });
}

interface Situation {
  isFirstPost: boolean;
  messages: readonly ReadMessage[];
}

const replies: Readonly<Record<ScriptedRole, (message: ReadMessage, situation: Situation) => Reply>> = {
  executioner: ({ seq, kind, body, authorRole }) => {
    if (kind === "finding") return { kind: "message", body: `Fixed #${seq}: ${excerpt(body)}` };
    if (authorRole === "participant") return null;
    return { kind: "message", body: `Please review the change for #${seq}: ${excerpt(body)}` };
  },
  reviewer: ({ seq, body }) => {
    if (body.startsWith("Please review")) {
      return { kind: "finding", body: `Empty input is not handled in #${seq}; there is no test for it.` };
    }
    if (body.startsWith("Fixed")) return { kind: "decision", body: `Approved: #${seq} handles empty input.` };
    return null;
  },
  helper: ({ seq, author, kind }, { isFirstPost }) => {
    if (kind === "question") return { kind: "message", body: `Answer to #${seq}: yes.` };
    return isFirstPost
      ? { kind: "message", body: `Comment on #${seq} by ${author}: looks sound to me.` }
      : null;
  },
  scribe: ({ seq, to }, { messages }) =>
    to === null ? null : { kind: "message", body: minutes(messages.filter((message) => message.seq < seq)) },
  echo: () => null,
};

function minutes(messages: readonly ReadMessage[]): string {
  const authors = [...new Set(messages.map(({ author }) => author))];
  const count = (wanted: string) => messages.filter(({ kind }) => kind === wanted).length;
  const counts = `${count("finding")} finding(s), ${count("decision")} decision(s)`;
  return `Minutes: ${messages.length} messages by ${authors.join(", ")}; ${counts}.`;
}

function excerpt(body: string): string {
  return body.replaceAll(/\s+/g, " ").trim().slice(0, 120);
}

export interface Pointer {
  wakeId: string;
  threadId: string;
}

/** Reads the pointer line of a wake; null when there is none. The last one counts: what stands before it was written by others. */
export function readPointer(text: string): Pointer | null {
  const [, wakeId, threadId] = pointersIn(text).at(-1) ?? [];
  return wakeId === undefined || threadId === undefined ? null : { wakeId, threadId };
}

/** More than one in a submitted line: something was typed upon a line that stood there already. */
export function countPointers(text: string): number {
  return pointersIn(text).length;
}

function pointersIn(text: string): RegExpExecArray[] {
  const oneLine = text.replaceAll(/\s+/g, " ");
  return [...oneLine.matchAll(/\[rouse ([^\]\s]+)\] \d+ unread in thread ([a-z0-9-]+):/g)];
}
