import type { SimWorld } from "../contract.ts";
import type { Lease } from "../../../runtime/store.ts";
import type { Planted } from "./planted.ts";

/** 7 to 9, 23, 24: bugs around effects, leases and nodes. */
export const effectBugs: readonly Planted[] = [
  {
    invariant: 7,
    name: "any lease will do",
    sentence: "Who settles or renews an effect need not hold its current lease.",
    plant: {
      store: (store, world) => ({
        ...store,
        settleEffect: (lease, outcome) => store.settleEffect(current(world, lease), outcome),
        renewLeases: (request) =>
          store.renewLeases({ ...request, leases: request.leases.map((lease) => current(world, lease)) }),
      }),
    },
  },
  {
    invariant: 8,
    name: "takeovers erase attempts",
    sentence: "Who takes an effect over does not keep the attempt of the node that fell silent.",
    plant: {
      store: (store, { state }) => ({
        ...store,
        async claimExpiredEffects(request) {
          const claimed = await store.claimExpiredEffects(request);
          for (const { lease } of claimed) {
            const key = keyOf(lease);
            const row = state.effects.get(key);
            if (row !== undefined) state.effects.put(key, { ...row, attempts: row.attempts.slice(-1) });
          }
          return claimed;
        },
      }),
    },
  },
  {
    invariant: 9,
    name: "marks nothing",
    sentence: "Typing begins without the mark that it has begun, so a crash would repeat it.",
    plant: {
      port: (port) =>
        port.port.name === "deliverWake"
          ? { ...port, perform: (call) => port.perform({ ...call, markStarted: () => Promise.resolve() }) }
          : port,
    },
  },
  {
    invariant: 9,
    name: "uncertain means again",
    sentence:
      "A delivery that was under way when its node fell silent is put back to be performed once more.",
    plant: {
      store: (store) => ({
        ...store,
        settleEffect: (lease, outcome) =>
          store.settleEffect(
            lease,
            outcome.status === "uncertain" ? { ...outcome, status: "retry", delayMs: 0 } : outcome,
          ),
      }),
    },
  },
  {
    invariant: 23,
    name: "only says goodbye",
    sentence: "A node that was told to drain reports that it has, and goes on working.",
    plant: { drain: () => Promise.resolve() },
  },
  {
    invariant: 24,
    name: "no takeover",
    sentence: "Nobody takes over what a vanished node held.",
    plant: { store: (store) => ({ ...store, claimExpiredEffects: () => Promise.resolve([]) }) },
  },
];

function keyOf({ address, incarnation }: Lease): string {
  return `${address} ${incarnation}`;
}

function current({ state }: SimWorld, lease: Lease): Lease {
  return { ...lease, token: state.effects.get(keyOf(lease))?.token ?? lease.token };
}
