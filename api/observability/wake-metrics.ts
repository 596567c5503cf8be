import { blockReasons } from "../../machines/reasons.ts";
import { terminalBackends } from "../../machines/runtime/contract.ts";
import type { EngineRecord } from "../../machines/records.ts";
import { wakeSeconds } from "./buckets.ts";
import { inSeconds, known, type MetricMaker } from "./metric.ts";
import type { StoreObserver } from "./store-observer.ts";

/** A wake as its rows tell it, whichever nodes took part. */
export interface WakeStory {
  wakeId: string;
  openedAt: number;
  /** Null unless this is the first wake for the newest message it is about. */
  postedAt: number | null;
  acknowledgedAt: number | null;
  outcome: string | null;
  reason: string | null;
  effects: readonly { port: string; status: string; input: unknown; output: unknown }[];
}

/** Wakes told at once wait for each other: their rows are read beside the work, never in its way. */
const mostWaiting = 1_000;

/** Reads a wake's rows once it was acknowledged or closed, one after the other. Null: none is known. */
export type ReadWake = (wakeId: string) => Promise<WakeStory | null>;
export type WakeEnd = "acknowledged" | "closed";

/**
 * Tells of each wake at its acknowledgement and at its end. What comes faster than it can be read is left out: these are
 * figures, not accounts.
 */
export function followWakes(
  readWake: ReadWake,
  tell: (story: WakeStory, end: WakeEnd) => void,
  onError: (error: unknown) => void,
): StoreObserver {
  let last: Promise<void> = Promise.resolve();
  let waiting = 0;
  const follow = (wakeId: string, end: WakeEnd): void => {
    if (waiting >= mostWaiting) return;
    waiting += 1;
    last = last
      .then(() => readWake(wakeId))
      .then((story) => (story === null ? undefined : tell(story, end)))
      .catch(onError)
      .finally(() => (waiting -= 1));
  };
  const record = ({ type, params }: EngineRecord): void => {
    if (type === "wake.acknowledged") follow(params.wakeId, "acknowledged");
    if (type === "wake.closed") follow(params.wakeId, "closed");
  };
  return {
    committed({ commits }) {
      for (const { records } of commits) for (const each of records) record(each);
    },
  };
}

/** Wakes by result and channel, and how long each step took since the post. */
export function wakeMetrics(maker: MetricMaker): (story: WakeStory, end: WakeEnd) => void {
  const closed = maker.counter("rouse_wakes_total", "Wakes that ended, by outcome, reason and channel.", [
    "outcome",
    "reason",
    "channel",
  ]);
  for (const reason of blockReasons) closed.inc({ outcome: "blocked", reason, channel: "none" }, 0);
  const since = (step: string, help: string) =>
    maker.histogram(`rouse_wake_${step}_seconds`, `Time from a post to ${help}.`, {
      buckets: wakeSeconds,
      labelNames: ["channel"],
    });
  const firstByte = since("first_byte", "the first byte typed into the agent's terminal");
  const submitted = since("submitted", "the line's visible submission, or the start of a new terminal");
  const acknowledged = since("acknowledged", "the agent's first sign of life");
  return (story, end) => {
    const channel = channelOf(story);
    if (end === "closed") {
      closed.inc({ outcome: story.outcome ?? "", reason: story.reason ?? "", channel });
      // Told at the acknowledgement already.
      if (story.acknowledgedAt !== null) return;
    }
    const begin = startOf(story);
    if (begin === null) return;
    const evidence = evidenceOf(story);
    const observe = (histogram: typeof firstByte, at: number | null): void => {
      if (at !== null) histogram.observe({ channel }, inSeconds(at - begin));
    };
    observe(firstByte, evidence.firstByteAt);
    observe(submitted, evidence.submittedAt);
    observe(acknowledged, story.acknowledgedAt);
  };
}

/** Null for a wake that somebody asked for while nothing was unread, and for repeated wakes for one message. */
function startOf({ postedAt, effects }: WakeStory): number | null {
  const wasAskedFor = effects.some(({ input }) => (input as { unread?: number }).unread === 0);
  return wasAskedFor ? null : postedAt;
}

interface Evidence {
  channel?: string;
  firstByteAt: number | null;
  submittedAt: number | null;
}

function evidenceOf({ effects }: WakeStory): Evidence {
  const typed = effects.map(({ output }) => (output as { evidence?: Evidence } | null)?.evidence);
  return (
    typed.find((evidence) => evidence !== undefined && evidence.firstByteAt !== null) ?? {
      firstByteAt: null,
      submittedAt: null,
    }
  );
}

const starts: Readonly<Record<string, string>> = { resumeSession: "resume", spawnSession: "spawn" };

/** The latest that reached the agent. */
function channelOf({ effects }: WakeStory): string {
  for (const { port, output } of effects.toReversed()) {
    const { verdict, evidence } = (output ?? {}) as { verdict?: string; evidence?: Evidence };
    if (verdict === "started") return starts[port] ?? "other";
    if (evidence !== undefined) return known(terminalBackends, evidence.channel);
  }
  return "none";
}
