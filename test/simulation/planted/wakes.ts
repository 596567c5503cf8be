import type { SimWorld } from "../contract.ts";
import { registeredMachines, type Chart } from "../../../machines/registry.ts";
import { participantMachine } from "../../../machines/participant/machine.ts";
import type { ParticipantContext } from "../../../machines/participant/events.ts";
import { mayTrigger } from "../../../machines/participant/policy.ts";
import type { MachineEntry } from "../../../runtime/registry.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { withTransactions } from "./broken-store.ts";
import type { Planted } from "./planted.ts";

/** 11 to 16: bugs around wakes and typing. */
export const wakeBugs: readonly Planted[] = [
  {
    invariant: 11,
    name: "news is lost for good",
    sentence:
      "Some posts are not told to their readers, and reconciliation sees nobody with unread messages.",
    plant: {
      store: (store, { choices }) =>
        withTransactions(store, (tx) => ({
          send: (mail) =>
            tx.send(
              mail.filter(({ to }) => !to.startsWith("participant/") || !choices.chance("planted", 0.2)),
            ),
          listUnreadMembers: () => Promise.resolve({ rows: [], next: null }),
        })),
    },
  },
  {
    invariant: 12,
    name: "starts without count",
    sentence: "An agent that does not answer is started anew however often that was tried.",
    plant: {
      machines: withParticipant(
        participantMachine.provide({
          guards: { maySpawn: ({ context }) => context.wake !== null && context.agent.spawnHost !== null },
        }),
      ),
    },
  },
  {
    invariant: 13,
    name: "sees no people",
    sentence: "The terminal does not tell when a person last touched the keyboard.",
    plant: {
      terminal: (terminal) => ({
        ...terminal,
        view: async (address) => ({ ...(await terminal.view(address)), humanIdleMs: null }),
      }),
    },
  },
  {
    invariant: 13,
    name: "does not look again",
    sentence: "Every look after the first shows what the first one showed.",
    plant: { terminal: (terminal) => ({ ...terminal, view: rememberedView(terminal) }) },
  },
  {
    invariant: 14,
    name: "panes by name",
    sentence: "Terminals are addressed by name alone, whatever program lives there by now.",
    plant: {
      terminal(terminal, world, host) {
        const byName = (address: TerminalAddress) => livingAddress(world, host, address);
        return {
          ...terminal,
          view: (address) => terminal.view(byName(address)),
          paste: (address, text) => terminal.paste(byName(address), text),
          pressEnter: (address) => terminal.pressEnter(byName(address)),
          pressKey: (address, key) => terminal.pressKey(byName(address), key),
        };
      },
    },
  },
  {
    invariant: 15,
    name: "the switch is not read",
    sentence: "Neither the chart nor the port asks whether injection is paused.",
    plant: {
      store: (store) => ({
        ...withTransactions(store, (tx) => ({
          getSetting: () => Promise.resolve(null),
          getAgent: async (agentId) => {
            const agent = await tx.getAgent(agentId);
            return agent === null ? null : { ...agent, paused: false };
          },
        })),
        async getActor(address) {
          const actor = await store.getActor(address);
          return actor === null ? null : { ...actor, record: shown(actor.record) };
        },
      }),
      machines: withParticipant(
        participantMachine.provide({
          guards: {
            mustNotType: () => false,
            isHeld: ({ context }) => context.threadStatus === "closed",
            mayTrigger: ({ context }) => mayTrigger(asIfOpen(context)),
          },
        }),
      ),
    },
  },
  {
    invariant: 16,
    name: "typed means read",
    sentence: "A delivery that succeeded counts as the agent's acknowledgement.",
    plant: {
      port: (port) =>
        port.port.name === "deliverWake"
          ? {
              ...port,
              async perform(call) {
                const output = await port.perform(call);
                await call.report({ type: "ack.received", lastReadSeq: 9_999, unread: 0 });
                return output;
              },
            }
          : port,
    },
  },
];

function withParticipant(machine: Chart): readonly MachineEntry[] {
  return registeredMachines.map((entry) => (entry.kind === "participant" ? { ...entry, machine } : entry));
}

function rememberedView(terminal: Terminal): Terminal["view"] {
  const first = new Map<string, Awaited<ReturnType<Terminal["view"]>>>();
  return async (address) => {
    const name = `${address.target} ${address.pid}`;
    const now = await terminal.view(address);
    const known = first.get(name);
    // From the first idle screen on.
    if (known === undefined && now.lines.some((line) => line.startsWith("›"))) first.set(name, now);
    return known ?? now;
  };
}

function livingAddress(world: SimWorld, host: string, address: TerminalAddress): TerminalAddress {
  const pid = world.hostOf(host).scripted.get(address.target)?.pid ?? address.pid;
  return { ...address, pid, pidStartedAt: String(pid) };
}

function asIfOpen(context: ParticipantContext): ParticipantContext {
  const { runtime } = context.agent;
  const open = runtime === null ? null : { ...runtime, injection: "open" as const };
  return { ...context, pausedBy: [], agent: { ...context.agent, runtime: open } };
}

function shown(record: string): string {
  return record.replaceAll('"injection":"paused"', '"injection":"open"');
}
