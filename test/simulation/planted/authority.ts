import { registeredMachines } from "../../../machines/registry.ts";
import { paceOf } from "../../../machines/thread/loop.ts";
import { threadMachine } from "../../../machines/thread/machine.ts";
import { withTransactions } from "./broken-store.ts";
import type { Planted } from "./planted.ts";

const decisions = ["override_participant", "unblock_participant", "update_thread_status"];

/** 17 to 22: bugs around threads, authority, audit and identity. */
export const authorityBugs: readonly Planted[] = [
  {
    invariant: 17,
    name: "loops go on",
    sentence: "No thread ever counts as looping.",
    plant: {
      machines: registeredMachines.map((entry) =>
        entry.kind === "thread"
          ? {
              ...entry,
              machine: threadMachine.provide({
                guards: {
                  hasPace: ({ context }, { pace }) => pace !== "looping" && paceOf(context) === pace,
                },
              }),
            }
          : entry,
      ),
    },
  },
  {
    invariant: 18,
    name: "everybody decides",
    sentence: "Decisions over others are taken with an operator's role, whoever asks.",
    plant: {
      caller: (caller, operation) =>
        decisions.includes(operation) ? { ...caller, role: "operator" } : caller,
    },
  },
  {
    invariant: 19,
    name: "unwritten audit",
    sentence: "Some audit rows are left out.",
    plant: {
      store: (store, { choices }) =>
        withTransactions(store, (tx) => ({
          appendAudit: (entry) =>
            choices.chance("planted", 0.1) ? Promise.resolve() : tx.appendAudit(entry),
        })),
    },
  },
  {
    invariant: 20,
    name: "one workspace for all",
    sentence: "A token of another workspace is taken for one of ours.",
    plant: { caller: (caller) => ({ ...caller, workspaceId: "w" }) },
  },
  {
    invariant: 21,
    name: "revoked for nobody",
    sentence: "Revocations are written down, and never asked for.",
    plant: {
      store: (store) =>
        withTransactions(store, (tx) => ({
          readTokenTrust: async () => ({ ...(await tx.readTokenTrust()), revoked: [] }),
        })),
    },
  },
  {
    invariant: 22,
    name: "the row stays behind",
    sentence: "A change of a thread's status does not reach the thread's row.",
    plant: {
      store: (store) =>
        withTransactions(store, (tx) => ({
          commitTurns: (turns) =>
            tx.commitTurns(
              turns.map((turn) => ({
                ...turn,
                records: turn.records.filter(({ type }) => type !== "thread.statusChanged"),
              })),
            ),
        })),
    },
  },
];
