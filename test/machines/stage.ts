import { expect } from "vitest";
import { registeredMachines } from "../../machines/registry.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { Registry } from "../../runtime/registry.ts";
import type { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import type { EffectOutcome, Lease, Store, StoredJournalEntry } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { beginning, type Move, type Walked } from "../../runtime/model/model.ts";
import type { Script } from "./script.ts";

/**
 * Plays many scripts side by side, each with an actor of its own, through the real engine on one workspace. After
 * every move the store must hold what the kernel alone arrived at.
 */

/** Virtual time of the store. */
export class StageClock {
  time = beginning;
  now(): number {
    return this.time;
  }
}

interface Player {
  script: Script;
  /** Moves made. */
  made: number;
  leases: Map<number, Lease>;
}

const registry = new Registry(registeredMachines);
const doorbell = createMemoryDoorbell();
const ports = registeredMachines.flatMap((machine) => machine.ports.map(({ name }) => name));
/** Longer than any script. */
const leaseMs = 1_000_000_000;
const all = 10_000;

/** Returns the journals, one per script. */
export async function play(
  given: Store,
  clock: StageClock,
  scripts: readonly Script[],
  snapshots?: SnapshotCache,
): Promise<StoredJournalEntry[][]> {
  const source = { registry, ...(snapshots === undefined ? {} : { snapshots }) };
  const store = deliveringTwice(given);
  const players = scripts.map((script): Player => ({ script, made: 0, leases: new Map() }));
  const journals: StoredJournalEntry[][] = [];
  await create(store, scripts);
  for (let acting = players; acting.length > 0; acting = nextToAct(players, clock)) {
    if (acting !== players) await act(store, acting);
    while ((await turn({ store, doorbell, ...source })) > 0);
    await claim(store, players);
    await Promise.all(acting.map((player) => check(store, player)));
    const ended = acting.filter(({ script, made }) => made === script.moves.length);
    journals.push(...(await Promise.all(ended.map((player) => checkJournal(store, player)))));
  }
  return journals;
}

async function create(store: Store, scripts: readonly Script[]): Promise<void> {
  const engine = createEngine({ store, registry, doorbell });
  await store.transaction(async (tx) => {
    for (const { kind, model } of scripts) {
      await engine.create(tx, { kind, address: model.address, input: model.input });
    }
  });
}

/** Those whose next move comes first, all at once; the clock goes there. */
function nextToAct(players: readonly Player[], clock: StageClock): Player[] {
  const waiting = players.filter(({ script, made }) => made < script.moves.length);
  const timeOf = ({ script, made }: Player): number => script.expected[made + 1]!.after.now;
  clock.time = Math.max(clock.time, Math.min(...waiting.map(timeOf)));
  return waiting.filter((player) => timeOf(player) === clock.time);
}

async function act(store: Store, acting: readonly Player[]): Promise<void> {
  const moves = acting.map((player) => ({ player, move: player.script.moves[player.made]! }));
  for (const { player } of moves) player.made += 1;
  const mail = moves.flatMap(({ player, move }) =>
    move.type === "mail" ? [{ to: player.script.model.address, from: "script", event: move.event }] : [],
  );
  if (mail.length > 0) await store.transaction((tx) => tx.send(mail));
  if (moves.some(({ move }) => move.type === "timer")) await store.fireTimers({ limit: all });
  await Promise.all(moves.map(({ player, move }) => settle(store, player, move)));
}

async function settle(store: Store, player: Player, move: Move): Promise<void> {
  if (move.type !== "done" && move.type !== "failed") return;
  const lease = player.leases.get(stand(player, player.made - 1).record.invokes[move.invoke]!)!;
  await store.settleEffect(lease, outcomeOf(move));
}

function outcomeOf(move: Extract<Move, { type: "done" | "failed" }>): EffectOutcome {
  if (move.type === "done") return { status: "done", output: move.output };
  const status = move.error.code === "effect_uncertain" ? "uncertain" : "failed";
  return { status, error: move.error };
}

/** As a node does that has nothing else to do: everything that was asked for is begun. */
async function claim(store: Store, players: readonly Player[]): Promise<void> {
  const byAddress = new Map(players.map((player) => [player.script.model.address, player]));
  await Promise.all(
    players.flatMap((player) => endedLeases(player).map((lease) => store.releaseEffect(lease))),
  );
  for (const host of ["h", "host-a"]) {
    const claimed = await store.claimEffects({ nodeId: "stage", host, ports, limit: all, leaseMs });
    for (const { lease } of claimed) byAddress.get(lease.address)!.leases.set(lease.incarnation, lease);
  }
}

async function check(store: Store, player: Player): Promise<void> {
  const { address } = player.script.model;
  const { record, due } = stand(player);
  const [actor, timers, effects] = await Promise.all([
    store.getActor(address),
    store.listTimers(address),
    store.listEffects({ address, limit: all }),
  ]);
  const open = effects.filter(({ status }) => status === "pending" || status === "running");
  expect({
    address,
    record: JSON.parse(actor!.record) as ActorRecord,
    timers: Object.fromEntries(timers.map(({ id, incarnation, dueAt }) => [id, { incarnation, dueAt }])),
    effects: Object.fromEntries(open.map(({ invokeId, incarnation }) => [incarnation, invokeId])),
  }).toEqual({
    address,
    record,
    timers: Object.fromEntries(
      Object.entries(record.timers).map(([id, incarnation]) => [id, { incarnation, dueAt: due[id]!.at }]),
    ),
    effects: Object.fromEntries(Object.entries(record.invokes).map(([id, incarnation]) => [incarnation, id])),
  });
  await checkEnded(store, player);
}

function endedLeases(player: Player): Lease[] {
  const running = new Set(Object.values(stand(player).record.invokes));
  return [...player.leases.values()].filter(({ incarnation }) => !running.has(incarnation));
}

/** What was settled or withdrawn takes no outcome any more. */
async function checkEnded(store: Store, player: Player): Promise<void> {
  for (const lease of endedLeases(player)) {
    player.leases.delete(lease.incarnation);
    const again = store.settleEffect(lease, { status: "done", output: null });
    await expect(again).rejects.toMatchObject({ code: "lease_lost" });
  }
}

async function checkJournal(store: Store, { script }: Player): Promise<StoredJournalEntry[]> {
  const { address } = script.model;
  const journal = await store.listJournal({ address, limit: all });
  expect(journal.map(({ seq }) => seq)).toEqual(journal.map((_, index) => index + 1));
  const taken = journal.filter(({ dropped }) => dropped === null);
  expect(taken.map(({ transitions, states, records }) => ({ transitions, states, records }))).toEqual(
    script.expected.map(journaled),
  );
  const doubled = script.expected.filter(({ applied }) => (applied?.cause ?? null) !== null);
  expect(journal).toHaveLength(taken.length + doubled.length);
  return journal;
}

function journaled({ step }: Walked<never>) {
  const { transitions, states, intents } = step;
  const records = intents.flatMap((intent) =>
    intent.type === "record" ? [{ type: intent.name, params: intent.params }] : [],
  );
  return { transitions, states, records };
}

/** Where the kernel alone stands after so many moves. */
function stand({ script, made }: Player, moves = made): Walked<never>["after"] {
  return script.expected[moves]!.after;
}

/** Every outcome and every timer's event reaches its actor twice. */
function deliveringTwice(store: Store): Store {
  return {
    ...store,
    transaction: (work, options) =>
      store.transaction(
        (tx) =>
          work({
            ...tx,
            claimReady: async (request) =>
              (await tx.claimReady(request)).map(({ actor, mail }) => ({
                actor,
                mail: mail.flatMap((each) => (each.cause === null ? [each] : [each, each])),
              })),
            commitTurns: (commits) =>
              tx.commitTurns(commits.map((each) => ({ ...each, consumed: [...new Set(each.consumed)] }))),
          }),
        options,
      ),
  };
}
