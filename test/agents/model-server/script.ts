import { setTimeout as pause } from "node:timers/promises";
import type { Conversation, Refusal, Utterance } from "./conversation.ts";

/** What the scripted model does, said in words of the thread tools. */

export interface Turn {
  /** The newest thing that a person, Rouse or a tool said. */
  newest: Utterance;
  utterances: readonly Utterance[];
}

export type Decision =
  | { say: string }
  /** The tool by its own name: programs prefix it with the server's. */
  | { call: string; with: Record<string, unknown> }
  | { refuse: Refusal };

/** Null: not mine. A promise keeps the turn running until it is kept. */
export type Rule = (turn: Turn) => Decision | Promise<Decision> | null;

/** The first that has an answer. */
export function decide(rules: readonly Rule[], turn: Turn): Decision | Promise<Decision> {
  for (const rule of rules) {
    const decision = rule(turn);
    if (decision !== null) return decision;
  }
  return { say: "Done." };
}

const wakePattern = /\[rouse ([^\]\s]+)\] \d+ unread in thread ([a-z0-9-]+): call read_messages/g;

export interface SeenWake {
  wakeId: string;
  threadId: string;
}

/** Boxes wrap what is pasted into them; the program joins it again, or not. */
export function wakesIn(text: string): SeenWake[] {
  return [...text.replaceAll(/\s+/g, " ").matchAll(wakePattern)].map(([, wakeId = "", threadId = ""]) => {
    return { wakeId, threadId };
  });
}

/** A diligent agent: reads, acknowledges, and answers the thread when it is told how. */
export function diligent(options: { reply?: (read: string) => string | null } = {}): Rule[] {
  return [
    onWake(({ threadId }) => ({ call: "read_messages", with: { thread_id: threadId } })),
    onTool(/"next_after_seq": ?(\d+)/, (read, [, seq]) => {
      return { call: "ack_read", with: { thread_id: threadOf(read), seq: Number(seq) } };
    }),
    onAck(options.reply ?? (() => null)),
  ];
}

export function onWake(answer: (wake: SeenWake) => Decision | Promise<Decision> | null): Rule {
  return ({ newest }) => {
    const wake = newest.role === "user" ? wakesIn(newest.text).at(-1) : undefined;
    return wake === undefined ? null : answer(wake);
  };
}

export function onWords(pattern: RegExp, answer: () => Decision | Promise<Decision>): Rule {
  return ({ newest }) => (newest.role === "user" && pattern.test(newest.text) ? answer() : null);
}

export function onTool(
  pattern: RegExp,
  answer: (text: string, match: RegExpExecArray) => Decision | null,
): Rule {
  return ({ newest }) => {
    // Some programs hand a tool's JSON on as a string inside of JSON.
    const text = newest.text.replaceAll('\\"', '"');
    const match = newest.role === "tool" ? pattern.exec(text) : null;
    return match === null ? null : answer(text, match);
  };
}

/** Only once has the agent answered what it read: the acknowledgement stands between reading and posting. */
function onAck(reply: (read: string) => string | null): Rule {
  return ({ newest, utterances }) => {
    if (newest.role !== "tool" || !/last_read_seq/.test(newest.text)) return null;
    const read = utterances.findLast(({ role, text }) => role === "tool" && text.includes("next_after_seq"));
    const text = read?.text.replaceAll('\\"', '"') ?? "";
    const body = reply(text);
    return body === null ? null : { call: "post_message", with: { thread_id: threadOf(text), body } };
  };
}

const triesAgainMs = 500;

/** Our node may be away: what a tool could not do is tried again, as agents do. */
export const tryAgain: Rule = ({ newest, utterances }) => {
  if (newest.role !== "tool" || newest.text.includes("last_read_seq")) return null;
  const told = utterances.findLast(({ role, text }) => role === "user" && text.trim() !== "");
  const wake = wakesIn(told?.text ?? "").at(-1);
  if (wake === undefined) return null;
  return pause(triesAgainMs, { call: "read_messages", with: { thread_id: wake.threadId } });
};

function threadOf(read: string): string {
  return /"thread_id": ?"([a-z0-9-]+)"/.exec(read)?.[1] ?? "";
}

/** The newest that is not the model's own. */
export function newestOf({ utterances }: Conversation): Utterance {
  return (
    utterances.findLast(({ role }) => role === "user" || role === "tool") ?? { role: "system", text: "" }
  );
}

/** As a provider refuses when a plan is used up; the window opens again at `resetsAt` (epoch ms). */
export function usageLimit(resetsAt: number): Decision {
  const seconds = Math.ceil(resetsAt / 1000);
  const wait = String(Math.max(1, Math.ceil((resetsAt - Date.now()) / 1000)));
  return {
    refuse: {
      status: 429,
      headers: {
        "retry-after": wait,
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": String(seconds),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
        "x-should-retry": "false",
      },
      body: {
        type: "error",
        error: {
          type: "usage_limit_reached",
          message: "You've hit your usage limit.",
          plan_type: "pro",
          resets_at: seconds,
          resets_in_seconds: Number(wait),
        },
      },
      // Codex does not understand an error with a number for its code.
      bodies: {
        gemini: {
          error: {
            code: 429,
            status: "RESOURCE_EXHAUSTED",
            message: "You've hit your usage limit.",
            details: [
              {
                "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel" }],
              },
            ],
          },
        },
      },
    },
  };
}

export function serverError(): Decision {
  return {
    refuse: { status: 500, body: { type: "error", error: { type: "api_error", message: "scripted" } } },
  };
}
