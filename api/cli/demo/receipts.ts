import { z } from "zod";
import type { Message, Wake, WakeEffect } from "../payloads.ts";
import { toneOf, type Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";

/** Receipts of wakes, reckoned from their evidence. Pure. */

export interface Receipt {
  wakeId: string;
  agentId: string;
  /** Channels in the order in which they were used, for instance `typed (tmux)`. */
  hops: string[];
  /** Times that the wake line may have reached the agent. */
  deliveries: number;
  bytes: number;
  isSubmitted: boolean;
  isTurnStarted: boolean;
  acknowledgedBy: string | null;
  outcome: string | null;
  /** From the post of the newest message that the wake is about. Null where there is no such evidence. */
  latencies: { firstByteMs: number | null; submittedMs: number | null; ackMs: number | null };
}

const evidence = z.object({
  channel: z.string(),
  bytes: z.number(),
  firstByteAt: z.number().nullable(),
  submittedAt: z.number().nullable(),
  turnStartedAt: z.number().nullable(),
});
type Evidence = z.infer<typeof evidence>;
const outcome = z.object({
  verdict: z.string().optional(),
  reason: z.string().optional(),
  evidence: evidence.optional(),
});

export function receiptsOf(wakes: readonly Wake[], messages: readonly Message[]): Receipt[] {
  const postedAt = new Map(messages.map(({ seq, created_at }) => [seq, Date.parse(created_at)]));
  return wakes
    .toSorted((one, other) => one.opened_at.localeCompare(other.opened_at))
    .map((wake) => receiptOf(wake, postedAt.get(wake.head_seq) ?? Date.parse(wake.opened_at)));
}

function receiptOf(wake: Wake, postedAt: number): Receipt {
  const typed = wake.effects.flatMap((effect) => outcomeOf(effect).evidence ?? []);
  const after = (at: number | null | undefined) => (at === null || at === undefined ? null : at - postedAt);
  const first = <Key extends keyof Evidence>(key: Key) =>
    typed.map((each) => each[key]).find((at) => at !== null);
  return {
    wakeId: wake.wake_id,
    agentId: wake.agent_id,
    hops: wake.effects.map(hopText),
    deliveries: wake.effects.filter(mayHaveArrived).length,
    bytes: typed.reduce((sum, { bytes }) => sum + bytes, 0),
    isSubmitted: typed.some(({ submittedAt }) => submittedAt !== null),
    isTurnStarted: typed.some(({ turnStartedAt }) => turnStartedAt !== null),
    acknowledgedBy: wake.acknowledged_by,
    outcome: wake.outcome,
    latencies: {
      firstByteMs: after(first("firstByteAt")),
      submittedMs: after(first("submittedAt")),
      ackMs: after(wake.acknowledged_at === null ? null : Date.parse(wake.acknowledged_at)),
    },
  };
}

function outcomeOf(effect: WakeEffect): z.infer<typeof outcome> {
  const parsed = outcome.safeParse(effect.outcome);
  return parsed.success ? parsed.data : {};
}

/** An attempt of unknown outcome may have arrived, too. */
function mayHaveArrived(effect: WakeEffect): boolean {
  const { verdict } = outcomeOf(effect);
  return effect.status !== "done" || ["delivered", "unconfirmed", "started"].includes(verdict ?? "");
}

const verbs: Readonly<Record<string, string>> = { resumeSession: "resumed", spawnSession: "spawned" };

function hopText(effect: WakeEffect): string {
  const { verdict, reason, evidence: found } = outcomeOf(effect);
  if (effect.status !== "done") return `${effect.port} ${effect.status}`;
  if (verdict === "deferred" || verdict === "refused") return `${verdict} (${reason ?? "?"})`;
  if (found !== undefined) return `typed (${found.channel})${verdict === "unconfirmed" ? "?" : ""}`;
  return verbs[effect.port] ?? effect.port;
}

export function receiptTable(receipts: readonly Receipt[], paper: Paper): string {
  return table(
    paper,
    receipts,
    [
      { title: "WAKE", of: ({ wakeId }) => wakeId },
      { title: "CHANNELS", of: ({ hops }) => hops.join(" → "), most: 60 },
      { title: "BYTES", of: ({ bytes }) => bytes, align: "right" },
      { title: "SUBMITTED", of: ({ isSubmitted }) => yes(isSubmitted) },
      { title: "TURN", of: ({ isTurnStarted }) => yes(isTurnStarted) },
      { title: "ACK", of: ({ acknowledgedBy }) => acknowledgedBy },
      {
        title: "OUTCOME",
        of: ({ outcome: end }) => ({ text: end ?? "open", tone: toneOf(end ?? "blocked") }),
      },
      { title: "→ BYTE", of: ({ latencies }) => ms(latencies.firstByteMs), align: "right" },
      { title: "→ SUBMITTED", of: ({ latencies }) => ms(latencies.submittedMs), align: "right" },
      { title: "→ ACK", of: ({ latencies }) => ms(latencies.ackMs), align: "right" },
    ],
    "No wakes.",
  );
}

function yes(is: boolean) {
  return is ? { text: "yes", tone: "good" as const } : null;
}

function ms(value: number | null): string | null {
  return value === null ? null : `${value} ms`;
}
