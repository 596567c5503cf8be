import type { z } from "zod";
import { participantSetup } from "./actions.ts";
import type { ParticipantContext } from "./events.ts";
import type { resumeSession, spawnSession } from "./ports.ts";
import { requireSession, requireSpawnHost, requireStartId, requireWake } from "./targets.ts";

/** States that bring the agent to life in a new terminal. */

type ResumeInput = z.output<typeof resumeSession.input>;
type SpawnInput = z.output<typeof spawnSession.input>;
type Done = { event: { output: z.output<typeof spawnSession.output> } };

function startInput(context: ParticipantContext) {
  const { threadId, agentId, unread } = context;
  return {
    wakeId: requireWake(context).wakeId,
    threadId,
    agentId,
    unread,
    runtimeId: requireStartId(context),
  };
}

function resumeInput({ context }: { context: ParticipantContext }): ResumeInput {
  const { sessionId, host } = requireSession(context);
  return { ...startInput(context), host, sessionId };
}

function spawnInput({ context }: { context: ParticipantContext }): SpawnInput {
  return { ...startInput(context), host: requireSpawnHost(context) };
}

const isStarted = {
  type: "isStarted",
  params: ({ event }: Done) => ({ verdict: event.output.verdict }),
} as const;

const startedBy = <Hop extends "resume" | "spawn">(hop: Hop) =>
  ({
    type: "noteStarted",
    params: ({ event: { output } }: Done) => ({
      hop,
      runtimeId: output.verdict === "started" ? output.runtimeId : "",
    }),
  }) as const;

const refusal = ({ event: { output } }: Done) => ({
  reason: output.verdict === "refused" ? output.reason : ("portFailed" as const),
});

export const resuming = participantSetup.createStateConfig({
  description:
    "The agent's own session is brought back in a new terminal. Never while a living process may hold it. A refusal, a failure or a silent host leads to the next channel.",
  tags: "busy",
  entry: "beginResume",
  invoke: {
    id: "resumeSession",
    src: "resumeSession",
    input: resumeInput,
    onDone: [
      { guard: isStarted, target: "awaitingStart", actions: startedBy("resume") },
      { target: "unread.deciding", actions: { type: "noteFailedResume", params: refusal } },
    ],
    onError: {
      target: "unread.deciding",
      actions: { type: "noteFailedResume", params: { reason: "portFailed" } },
    },
  },
  after: {
    resumeBound: {
      target: "unread.deciding",
      actions: { type: "noteFailedResume", params: { reason: "hostSilent" } },
    },
  },
});

export const spawning = participantSetup.createStateConfig({
  description:
    "The agent is started anew in a new terminal, with a bounded summary of the thread. A refusal, a failure or a silent host ends the wake visibly.",
  tags: "busy",
  entry: "beginSpawn",
  invoke: {
    id: "spawnSession",
    src: "spawnSession",
    input: spawnInput,
    onDone: [
      { guard: isStarted, target: "awaitingStart", actions: startedBy("spawn") },
      { target: "unread.deciding", actions: { type: "noteFailedSpawn", params: refusal } },
    ],
    onError: {
      target: "unread.deciding",
      actions: { type: "noteFailedSpawn", params: { reason: "portFailed" } },
    },
  },
  after: {
    spawnBound: {
      target: "unread.deciding",
      actions: { type: "noteFailedSpawn", params: { reason: "hostSilent" } },
    },
  },
});

export const awaitingStart = participantSetup.createStateConfig({
  description:
    "A new runtime comes up with the wake line as its first prompt. Left by a heartbeat or by reading, by the runtime's death, or after its own bound; a turn that visibly runs extends it. A terminal that came up idle is then typed into like any other.",
  tags: "waiting",
  always: { guard: "isTargetGone", target: "unread.deciding", actions: "noteDied" },
  after: {
    startAckTimeout: [
      { guard: "isVisiblyWorking", target: "awaitingStart", reenter: true },
      { target: "unread.deciding", actions: "noteUnacknowledged" },
    ],
  },
});
