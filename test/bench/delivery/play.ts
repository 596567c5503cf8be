import type { ModelRequest } from "../../agents/model-server/server.ts";
import { diligent, type Rule, tryAgain } from "../../agents/model-server/script.ts";
import type { Player } from "../../agents/player.ts";
import { untilRead } from "../../agents/scenarios/scenario.ts";
import { Stage, type StageOptions } from "../../agents/stage.ts";
import { randomOf } from "../../seams/random.ts";
import { type Damage, drawInterference, interferences } from "./interference.ts";
import { judge, type Outcome, type Round } from "./truth.ts";

/** Wakes of one kind, one after the other. */

export interface PlayOptions extends StageOptions {
  wakes: number;
  seed: string;
  /** No round begins after it. */
  signal: AbortSignal;
  say: (text: string) => void;
}

export interface Wake extends Outcome, Damage {
  /** Epoch ms, by the wake's receipt; null when the node died before it was written. */
  submittedAt: number | null;
}

/** An agent's conversation grows: after so many wakes another takes over. */
const wakesOfOne = 50;
/** Shorter than usual: after our own death a wake that may have been typed waits as long. */
const ackTimeoutMs = 30_000;

export async function playWakes(options: PlayOptions): Promise<Wake[]> {
  const stage = await Stage.open({ ...options, wake: { ackTimeoutMs } });
  const random = randomOf(`${options.seed}/${options.kind.name}`);
  const wakes: Wake[] = [];
  try {
    while (wakes.length < options.wakes && !options.signal.aborted) {
      const spell = new Spell(stage, options, random);
      await spell.begin(wakes.length);
      wakes.push(...(await spell.play(wakes.length)));
      await stage.clear();
    }
    return wakes;
  } finally {
    await stage.close();
  }
}

/** One agent's share of the wakes. */
class Spell {
  readonly #stage: Stage;
  readonly #options: PlayOptions;
  readonly #random: () => number;
  #player: Player | null = null;
  #threadId = "";

  constructor(stage: Stage, options: PlayOptions, random: () => number) {
    this.#stage = stage;
    this.#options = options;
    this.#random = random;
  }

  async begin(played: number): Promise<void> {
    const agentId = `woken-${played}`;
    this.#threadId = `th-${played}`;
    const player = await this.#stage.cast(agentId, { asks: { permission: true } });
    this.#stage.model.instruct(agentId, this.#rules(player));
    await player.launch();
    await player.untilState("idle");
    await this.#stage.openThread(this.#threadId, [player]);
    this.#player = player;
  }

  #rules({ cwd }: Player): Rule[] {
    const runsIt: Rule = ({ newest }) => {
      const asked = newest.role === "user" ? /RUN IT (\d+)/.exec(newest.text) : null;
      return asked === null ? null : this.#stage.kind.gatedCall(`touch ${cwd}/proof-${asked[1]}`);
    };
    return [runsIt, ...diligent(), tryAgain];
  }

  /** Ends early when a wake went wrong: what follows it should not suffer from it. */
  async play(played: number): Promise<Wake[]> {
    const { wakes, signal, say, kind } = this.#options;
    const last = Math.min(played + wakesOfOne, wakes);
    const rounds: (Round & Damage)[] = [];
    let failure: string | null = null;
    for (let number = played + 1; number <= last && !signal.aborted && failure === null; number += 1) {
      const round = { ...this.#newRound(number), typedIntoDialog: false, draftDamaged: false };
      rounds.push(round);
      failure = await this.#playRound(round).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      say(`${kind.name} ${number}/${wakes} ${round.interference}${failure === null ? "" : `: ${failure}`}`);
    }
    if (failure !== null) say(await this.#stage.describe());
    return this.#judge(rounds);
  }

  #newRound(number: number): Round {
    const interference = drawInterference(this.#random);
    return { number, interference, postedAt: 0, marker: `errand ${number} of the benchmark` };
  }

  async #playRound(round: Round & Damage): Promise<void> {
    const [stage, player, threadId] = [this.#stage, this.#requirePlayer(), this.#threadId];
    const post = async (): Promise<void> => {
      // Until it is acknowledged it may be read already.
      round.postedAt = Date.now();
      await stage.call("post_message", { thread_id: threadId, body: `${round.marker}.` });
    };
    const { number } = round;
    const scene = { stage, player, threadId, number, random: this.#random, post };
    Object.assign(round, await interferences[round.interference]?.play(scene));
    await untilRead(stage, threadId, player);
    await player.untilState("idle");
  }

  async #judge(rounds: readonly (Round & Damage)[]): Promise<Wake[]> {
    const { agentId } = this.#requirePlayer();
    const submitted = await this.#submissions(agentId);
    const requests: ModelRequest[] = this.#stage.model.requestsOf(agentId);
    return judge(rounds, requests, ackTimeoutMs).map((outcome, index) => {
      const { typedIntoDialog = false, draftDamaged = false } = rounds[index] ?? {};
      const [wakeId = ""] = outcome.wakeIds;
      return { ...outcome, typedIntoDialog, draftDamaged, submittedAt: submitted.get(wakeId) ?? null };
    });
  }

  /** First of each wake. */
  async #submissions(agentId: string): Promise<Map<string, number>> {
    const { wakes } = await this.#stage.call("list_wakes", { agent_id: agentId, limit: 100 });
    return new Map(
      wakes.flatMap(({ wake_id, effects }) => {
        const times = effects.flatMap(({ outcome }) => submittedAt(outcome) ?? []);
        return times.length === 0 ? [] : [[wake_id, Math.min(...times)] as const];
      }),
    );
  }

  #requirePlayer(): Player {
    if (this.#player === null) throw new Error("nobody was cast");
    return this.#player;
  }
}

function submittedAt(outcome: unknown): number | null {
  if (typeof outcome !== "object" || outcome === null || !("evidence" in outcome)) return null;
  const { evidence } = outcome;
  if (typeof evidence !== "object" || evidence === null || !("submittedAt" in evidence)) return null;
  return typeof evidence.submittedAt === "number" ? evidence.submittedAt : null;
}
