import { deepStrictEqual } from "node:assert";
import { createMemoryDoorbell } from "../../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { createEngine } from "../../../runtime/command.ts";
import type { ActorRecord } from "../../../runtime/kernel.ts";
import { replay } from "../../../runtime/model/explore.ts";
import type { Model, Move, Walked } from "../../../runtime/model/model.ts";
import { Registry } from "../../../runtime/registry.ts";
import type { EffectOutcome, Lease, Store } from "../../../runtime/store.ts";
import { turn, type TurnOptions } from "../../../runtime/turn.ts";
import type { Actor } from "../actor.ts";

/** Plays a path through the real engine in memory: after every move the store must hold what the kernel alone arrives at. */
export async function runPath(actor: Actor, model: Model<unknown>, moves: readonly Move[]): Promise<void> {
  const stage = new Stage(actor, model);
  const [first, ...rest] = replay(model, moves);
  if (first === undefined) return;
  await stage.create(first);
  for (const [index, walked] of rest.entries()) {
    const move = moves[index];
    if (move !== undefined) await stage.play(move, walked);
  }
}

const nodeId = "test";
const leaseMs = 1_000_000_000;
const all = 1_000;

class Stage {
  readonly #actor: Actor;
  readonly #model: Model<unknown>;
  readonly #clock = { time: 0, now: (): number => this.#clock.time };
  readonly #store: Store = createMemoryStore({ workspaceId: "test", clock: this.#clock });
  readonly #turn: TurnOptions;
  readonly #leases = new Map<number, Lease>();

  constructor(actor: Actor, model: Model<unknown>) {
    this.#actor = actor;
    this.#model = model;
    this.#turn = {
      store: this.#store,
      registry: new Registry([actor]),
      doorbell: createMemoryDoorbell(),
    };
  }

  async create(expected: Walked<unknown>): Promise<void> {
    this.#clock.time = expected.after.now;
    const { address, input } = this.#model;
    const engine = createEngine(this.#turn);
    await this.#store.transaction((tx) => engine.create(tx, { kind: this.#actor.kind, address, input }));
    await this.#settle(expected);
  }

  async play(move: Move, expected: Walked<unknown>): Promise<void> {
    this.#clock.time = expected.after.now;
    await this.#act(move, expected);
    await this.#settle(expected);
  }

  async #act(move: Move, { before }: Walked<unknown>): Promise<void> {
    const to = this.#model.address;
    switch (move.type) {
      case "mail":
        return this.#store.transaction((tx) => tx.send([{ to, from: "test", event: move.event }]));
      case "timer":
        return void (await this.#store.fireTimers({ limit: all }));
      case "done":
      case "failed": {
        const lease = this.#leases.get(before?.record.invokes[move.invoke] ?? 0);
        if (lease === undefined) throw new Error(`the effect of ${move.invoke} could not be claimed`);
        return this.#store.settleEffect(lease, outcomeOf(move));
      }
    }
  }

  async #settle({ after }: Walked<unknown>): Promise<void> {
    while ((await turn(this.#turn)) > 0);
    await this.#release(after.record);
    await this.#claim();
    const actor = await this.#store.getActor(this.#model.address);
    deepStrictEqual(actor === null ? null : (JSON.parse(actor.record) as ActorRecord), after.record);
  }

  /** What the chart withdrew ends at once here, and gives its exclusive key free. */
  async #release({ invokes }: ActorRecord): Promise<void> {
    const running = new Set(Object.values(invokes));
    const ended = [...this.#leases.values()].filter(({ incarnation }) => !running.has(incarnation));
    for (const lease of ended) {
      await this.#store.releaseEffect(lease);
      this.#leases.delete(lease.incarnation);
    }
  }

  async #claim(): Promise<void> {
    const pending = await this.#store.listEffects({ status: "pending", limit: all });
    const hosts = new Set(pending.map(({ host }) => host ?? nodeId));
    const ports = this.#actor.ports.map(({ name }) => name);
    for (const host of hosts) {
      const claimed = await this.#store.claimEffects({ nodeId, host, ports, limit: all, leaseMs });
      for (const { lease } of claimed) this.#leases.set(lease.incarnation, lease);
    }
  }
}

function outcomeOf(move: Extract<Move, { type: "done" | "failed" }>): EffectOutcome {
  if (move.type === "done") return { status: "done", output: move.output };
  const status = move.error.code === "effect_uncertain" ? "uncertain" : "failed";
  return { status, error: move.error };
}
