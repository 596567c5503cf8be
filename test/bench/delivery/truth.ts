import type { ModelRequest } from "../../agents/model-server/server.ts";
import { wakesIn } from "../../agents/model-server/script.ts";

/** What became of the wakes of one agent, by nothing but what its model was told. Pure. */

export interface Round {
  number: number;
  interference: string;
  /** Epoch ms. */
  postedAt: number;
  /** Stands in the body of its one message. */
  marker: string;
}

export interface Outcome extends Round {
  /** Its message never reached the model. */
  lost: boolean;
  /** Wake lines beyond the first that nothing called for: before the ack timeout, or after its message was read. */
  doubled: number;
  /** Wake lines after the ack timeout of one whose turn ended without reading: what the policy promises. */
  rewoken: number;
  /** Epoch ms of the first request to the model that shows the wake line; null when none did. */
  toldAt: number | null;
  wakeIds: readonly string[];
}

interface Telling {
  wakeId: string;
  at: number;
}

type Told = Pick<ModelRequest, "at" | "sessionId" | "newest" | "userTexts">;

/** `rounds` in order; each counts until the next was posted. */
export function judge(
  rounds: readonly Round[],
  requests: readonly Told[],
  ackTimeoutMs: number,
): readonly Outcome[] {
  const tellings = tellingsIn(requests);
  const firstOf = new Map(tellings.toReversed().map(({ wakeId, at }) => [wakeId, at]));
  return rounds.map((round, index) => {
    const endsAt = rounds[index + 1]?.postedAt ?? Number.POSITIVE_INFINITY;
    const isMine = ({ wakeId }: Telling): boolean => {
      const first = firstOf.get(wakeId) ?? 0;
      return first >= round.postedAt && first < endsAt;
    };
    const [first, ...more] = tellings.filter(isMine);
    const readAt = requests.find(({ newest }) => reads(newest, round.marker))?.at ?? null;
    const isCalledFor = ({ at }: Telling): boolean =>
      at - (first?.at ?? 0) >= ackTimeoutMs && (readAt === null || at < readAt);
    return {
      ...round,
      lost: readAt === null,
      doubled: more.filter((telling) => !isCalledFor(telling)).length,
      rewoken: more.filter(isCalledFor).length,
      toldAt: first?.at ?? null,
      wakeIds: [...new Set([first, ...more].flatMap((telling) => telling?.wakeId ?? []))],
    };
  });
}

function reads({ role, text }: Told["newest"], marker: string): boolean {
  return role === "tool" && text.includes(marker);
}

/** Programs send the whole conversation each time: a line that was submitted twice stands there twice from then on. */
function tellingsIn(requests: readonly Told[]): Telling[] {
  const highest = new Map<string, number>();
  return requests.flatMap(({ at, sessionId, userTexts }) => {
    const counts = Map.groupBy(userTexts.flatMap(wakesIn), ({ wakeId }) => wakeId);
    return [...counts].flatMap(([wakeId, { length }]) => {
      const key = `${wakeId}\n${sessionId ?? ""}`;
      const known = highest.get(key) ?? 0;
      highest.set(key, Math.max(known, length));
      return Array.from({ length: Math.max(0, length - known) }, () => ({ wakeId, at }));
    });
  });
}
