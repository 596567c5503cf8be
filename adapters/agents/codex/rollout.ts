import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { parseJson } from "../parse-json.ts";
import { resetIn, usedUpUntil } from "./usage-limit.ts";

/** What a session's own record tells, of what matters to us. */
export type RolloutEvent =
  | { type: "turnStarted" }
  /**
   * `stalled`: a person broke the turn off, and until they speak again Codex starts nothing from its queue.
   * `limitedUntil`: epoch ms by which a usage limit is over, where the record tells; never too early.
   */
  | { type: "turnEnded"; stalled: boolean; limited: boolean; limitedUntil: number | null }
  /** `clientId`: the name under which a client handed it in. */
  | { type: "userMessage"; clientId: string | null };

/** As many bytes of a long record are read for the state of now. */
const tailBytes = 512 * 1024;

/** File of the session's record; null before its first turn. Newest folder first: `sessions/YYYY/MM/DD`. */
export async function findRollout(codexHome: string, sessionId: string): Promise<string | null> {
  return findBelow(join(codexHome, "sessions"), `-${sessionId}.jsonl`, 3);
}

async function findBelow(folder: string, ending: string, depth: number): Promise<string | null> {
  const found: string[] = await readdir(folder).catch(() => []);
  const names = found.toSorted().toReversed();
  if (depth === 0) {
    const name = names.find((candidate) => candidate.endsWith(ending));
    return name === undefined ? null : join(folder, name);
  }
  for (const name of names) {
    const path = await findBelow(join(folder, name), ending, depth - 1);
    if (path !== null) return path;
  }
  return null;
}

/** Reads what was appended to a record since the last time. */
export class RolloutReader {
  readonly path: string;
  #offset: number;
  #isWhole: boolean;
  /** Epoch ms of the reset of what was used up when that was told last, or null. */
  #usedUpUntil: number | null = null;

  constructor(path: string, offset: number) {
    this.path = path;
    this.#offset = offset;
    this.#isWhole = offset === 0;
  }

  /** Begins near the end, far enough ahead of it to tell the state of now. */
  static async nearEnd(path: string): Promise<RolloutReader> {
    const { size } = await stat(path);
    return new RolloutReader(path, Math.max(0, size - tailBytes));
  }

  #read(line: string): RolloutEvent[] {
    // Most lines are of no interest, and some are long.
    if (!line.includes('"event_msg"')) return [];
    const parsed = record.safeParse(parseJson(line));
    if (!parsed.success) return [];
    const { timestamp, payload } = parsed.data;
    const { type, error, item, rate_limits: limits } = payload;
    if (type === "token_count") this.#usedUpUntil = usedUpUntil(limits);
    if (type === "task_started") return [{ type: "turnStarted" }];
    if (type === "turn_aborted")
      return [{ type: "turnEnded", stalled: true, limited: false, limitedUntil: null }];
    if (type === "task_complete") {
      const limited = error?.codex_error_info === "usage_limit_exceeded";
      const said = limited ? resetIn(error.message ?? "", Date.parse(timestamp ?? "")) : null;
      const known = [said, limited ? this.#usedUpUntil : null].filter((at) => at !== null);
      const limitedUntil = known.length === 0 ? null : Math.max(...known);
      return [{ type: "turnEnded", stalled: false, limited, limitedUntil }];
    }
    if (type !== "item_completed" || item?.type !== "UserMessage") return [];
    return [{ type: "userMessage", clientId: item.client_id ?? null }];
  }

  async next(): Promise<RolloutEvent[]> {
    const file = await open(this.path, "r");
    try {
      const { size } = await file.stat();
      const buffer = Buffer.alloc(Math.max(0, size - this.#offset));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#offset);
      const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
      this.#offset += end;
      const lines = buffer.toString("utf8", 0, end).split("\n");
      // What we began in the middle of is no line.
      const whole = this.#isWhole || end === 0 ? lines : lines.slice(1);
      this.#isWhole ||= end > 0;
      return whole.flatMap((each) => this.#read(each));
    } finally {
      await file.close();
    }
  }
}

const limitWindow = z.looseObject({ used_percent: z.number(), resets_at: z.number().nullish() }).nullish();

const record = z.looseObject({
  timestamp: z.string().optional(),
  payload: z.looseObject({
    type: z.string(),
    error: z.looseObject({ codex_error_info: z.unknown(), message: z.string().optional() }).nullish(),
    rate_limits: z.looseObject({ primary: limitWindow, secondary: limitWindow }).nullish(),
    item: z.looseObject({ type: z.string(), client_id: z.string().nullish() }).optional(),
  }),
});
