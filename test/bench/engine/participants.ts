import { addresses, topics, type Address } from "../../../machines/mail.ts";
import { defaultWakePolicy, type AgentFacts } from "../../../machines/participant/contract.ts";
import type { ParticipantEvent, ParticipantInput } from "../../../machines/participant/events.ts";
import { registeredMachines } from "../../../machines/registry.ts";
import type { RuntimeFacts } from "../../../machines/runtime/contract.ts";
import { createMemoryDoorbell } from "../../../persistence/memory/doorbell.ts";
import { createEngine } from "../../../runtime/command.ts";
import { Registry } from "../../../runtime/registry.ts";
import type { NewMail, Store } from "../../../runtime/store.ts";
import { SnapshotCache } from "../../../runtime/snapshot-cache.ts";
import type { TurnOptions } from "../../../runtime/turn.ts";

/** Real participants with the mail that operations publish to them: post, heartbeat, ack, reconciliation. */

export const mailKinds = 4;

export function turnOptions(store: Store): TurnOptions {
  const registry = new Registry(registeredMachines);
  // A node has one, too.
  return { store, registry, doorbell: createMemoryDoorbell(), snapshots: new SnapshotCache() };
}

export function participantAddress(index: number): Address {
  return addresses.participant(`th-${index}`, `agent-${index}`);
}

/** Each in a thread of its own, at its prompt in a terminal of its own, so that a post wakes it. */
export async function createParticipants(options: TurnOptions, count: number): Promise<void> {
  const engine = createEngine(options);
  const chunk = 100;
  for (let first = 0; first < count; first += chunk) {
    await options.store.transaction(async (tx) => {
      for (let index = first; index < Math.min(count, first + chunk); index += 1) {
        const input = participantInput(index);
        const { agentId, threadId } = input;
        await engine.create(tx, {
          kind: "participant",
          address: participantAddress(index),
          input,
          subject: agentId,
          topics: [topics.agent(agentId), topics.thread(threadId), topics.workspace],
        });
      }
    });
  }
}

/**
 * One mail for each of `count` participants. Step 0 posts and opens a wake (effect, timers, receipt), 1 is the heartbeat
 * that acknowledges it, 2 the ack that closes it, 3 tells what the tables say; then it begins anew.
 */
export async function sendStep(store: Store, count: number, step: number): Promise<void> {
  const chunk = 1_000;
  for (let first = 0; first < count; first += chunk) {
    const size = Math.min(chunk, count - first);
    const mail = Array.from({ length: size }, (_, offset) => mailFor(first + offset, step));
    await store.transaction((tx) => tx.send(mail));
  }
}

function mailFor(index: number, step: number): NewMail {
  const event: ParticipantEvent = eventOf(index, step);
  return { to: participantAddress(index), from: `poster-${index}`, event: { ...event } };
}

export function eventOf(index: number, step: number): ParticipantEvent {
  const seq = Math.floor(step / mailKinds) + 1;
  const session = { sessionId: `session-${index}`, host: "here", resumable: true };
  switch (step % mailKinds) {
    case 0:
      return { type: "message.posted", seq, from: `poster-${index}` };
    case 1:
      return { type: "heartbeat.received", ...session };
    case 2:
      return { type: "ack.received", lastReadSeq: seq, unread: 0 };
    default: {
      const cursor = { headSeq: seq, lastReadSeq: seq, unread: 0 };
      return { type: "state.reconciled", ...cursor, threadStatus: "active", agent: facts(index) };
    }
  }
}

export function participantInput(index: number): ParticipantInput {
  return {
    threadId: `th-${index}`,
    agentId: `agent-${index}`,
    // One wake after the other without a pause would run into the limit of a minute.
    policy: { ...defaultWakePolicy, wakeWindowMs: 1_000 },
    agent: facts(index),
    threadStatus: "active",
    pausedBy: [],
  };
}

function facts(index: number): AgentFacts {
  const runtime: RuntimeFacts = {
    runtimeId: `rt-${index}`,
    agentId: `agent-${index}`,
    host: "here",
    backend: "tmux",
    management: "managed",
    injection: "open",
    state: "idle",
    dialog: null,
    limitedUntil: null,
    sessionId: `session-${index}`,
    detail: null,
  };
  const session = { sessionId: `session-${index}`, host: "here", resumable: true };
  return { runtime, spares: [], session, lastHeartbeatAt: null, spawnHost: "here" };
}
