import { setTimeout as pause } from "node:timers/promises";
import { findProblems } from "../load/checks.ts";
import { until } from "../network/until.ts";
import { findDoubledLines } from "./doubled-lines.ts";
import type { Fault } from "./faults.ts";
import { agentsThread, type Scene } from "./scene.ts";

export interface FaultFigures {
  rounds: number;
  acknowledged: number;
  /** Wakes whose line an agent's program was given. */
  wakes: number;
  problems: string[];
}

/** Plays one fault while agents are woken and callers post; then everything must come to rest with nothing wrong. */
export class Rounds {
  readonly #scene: Scene;
  #posted = 0;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async play(fault: Fault): Promise<FaultFigures> {
    const { traffic, notedWakes } = this.#scene;
    const before = { acknowledged: traffic.acknowledged.length, wakes: notedWakes().length };
    const posting = new AbortController();
    const wakes = this.#wakeAgents(posting.signal);
    await pause(1_000);
    await fault.play(this.#scene);
    await pause(1_000);
    posting.abort();
    await wakes;
    return {
      rounds: 1,
      acknowledged: traffic.acknowledged.length - before.acknowledged,
      wakes: notedWakes().length - before.wakes,
      problems: [...this.#endedNodes(), ...(await this.#problemsAtRest())],
    };
  }

  /** One message after the other to all agents, so that there is always a delivery under way. */
  async #wakeAgents(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#posted += 1;
      const body = `wake number ${this.#posted}`;
      await this.#scene.operator.call("POST", `/v1/threads/${agentsThread}/messages`, {
        key: `agents-${this.#posted}`,
        body: { body },
      });
      await pause(400);
    }
  }

  #endedNodes(): string[] {
    return this.#scene.hosts
      .filter(({ node }) => !node.program.lives)
      .map(({ name }) => `the node ${name} ended`);
  }

  async #problemsAtRest(): Promise<string[]> {
    const { database, traffic } = this.#scene;
    traffic.requireAlive();
    await traffic.stop();
    const look = async (): Promise<string[]> => [
      ...(await findProblems(database, traffic.acknowledged)),
      ...(await findDoubledLines(database, this.#scene.notedWakes())),
    ];
    const problems = await until("everything to rest", restsWithinMs, async () => {
      const found = await look();
      return found.length === 0 ? found : null;
    }).catch(look);
    await traffic.start();
    return problems;
  }
}

const restsWithinMs = 60_000;
