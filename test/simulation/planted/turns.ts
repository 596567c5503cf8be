import type { SimWorld } from "../contract.ts";
import type { Claim, StoredActor, TurnCommit } from "../../../runtime/store.ts";
import { withTransactions } from "./broken-store.ts";
import type { Planted } from "./planted.ts";

/** 5 to 7, 10: bugs around turns, mail and timers. */
export const turnBugs: readonly Planted[] = [
  {
    invariant: 5,
    name: "applied mail stays",
    sentence: "A turn now and then leaves its last mail in the mailbox, so that it is applied again.",
    plant: {
      store: (store, { choices }) =>
        withTransactions(store, (tx) => ({
          commitTurns: (turns) =>
            tx.commitTurns(
              turns.map((turn) =>
                choices.chance("planted", 0.05) ? { ...turn, consumed: turn.consumed.slice(0, -1) } : turn,
              ),
            ),
        })),
    },
  },
  {
    invariant: 5,
    name: "newest mail first",
    sentence: "Mail is handed out newest first.",
    plant: {
      store: (store) =>
        withTransactions(store, (tx) => ({
          async claimReady(request) {
            const claims = await tx.claimReady(request);
            return claims.map(({ actor, mail }) => ({ actor, mail: mail.toReversed() }));
          },
        })),
    },
  },
  {
    invariant: 6,
    name: "timers after the commit",
    sentence:
      "Timers are armed in a transaction of their own after the turn's, and a crash in between loses them.",
    plant: {
      store: (store, { choices }) =>
        withTransactions(store, (tx) => ({
          commitTurns: (turns) =>
            tx.commitTurns(
              turns.map((turn) => (choices.chance("planted", 0.02) ? { ...turn, timersArmed: [] } : turn)),
            ),
        })),
    },
  },
  {
    invariant: 7,
    name: "no version test",
    sentence:
      "Actors are read from a replica that lags, and the version they are written over is not compared.",
    plant: { store: (store, world) => withTransactions(store, (tx) => laggingReads(tx, world)) },
  },
  {
    invariant: 10,
    name: "a fast clock",
    sentence: "Timers are fired up to two seconds early.",
    plant: {
      store: (store, { state, scheduler }) => ({
        ...store,
        fireTimers(request) {
          for (const [key, timer] of state.timers.entries()) {
            const isNear = timer.dueAt > scheduler.now && timer.dueAt <= scheduler.now + 2_000;
            if (isNear) state.timers.put(key, { ...timer, dueAt: scheduler.now });
          }
          return store.fireTimers(request);
        },
      }),
    },
  },
];

function laggingReads(
  tx: Parameters<Parameters<typeof withTransactions>[1]>[0],
  { choices, state, memory }: SimWorld,
): ReturnType<Parameters<typeof withTransactions>[1]> {
  const lagging = ({ actor, mail }: Claim): Claim => {
    const older = memory.get(actor.address) as StoredActor | undefined;
    memory.set(actor.address, actor);
    return older !== undefined && choices.chance("planted", 0.2) ? { actor: older, mail } : { actor, mail };
  };
  return {
    claimReady: async (request) => (await tx.claimReady(request)).map(lagging),
    commitTurns: (turns) =>
      tx.commitTurns(turns.map((turn) => overwriting(turn, state.actors.get(turn.actor.address)))),
  };
}

/** Whatever was expected, it is what stands there. */
function overwriting(turn: TurnCommit, standing: StoredActor | undefined): TurnCommit {
  if (turn.expectedVersion === null || standing === undefined) return turn;
  const lag = standing.version - turn.expectedVersion;
  return {
    ...turn,
    expectedVersion: standing.version,
    actor: { ...turn.actor, version: turn.actor.version + lag },
    journal: turn.journal.map((entry) => ({ ...entry, seq: entry.seq + lag })),
  };
}
