import { assign, setup } from "xstate";
import { z } from "zod";
import {
  defineActor,
  definePort,
  failureOf,
  implementPort,
  timeOf,
  type Timed,
} from "../../../api/library/index.ts";

/** A small actor of a stranger: a parcel that is sent, tracked, and given up after a day. */

export const sendParcel = definePort({
  name: "sendParcel",
  input: z.object({ to: z.string().min(1) }),
  output: z.object({ tracking: z.string() }),
  repeat: "idempotent",
  retry: { attempts: 3, backoffMs: 10, maxBackoffMs: 10 },
});

type ParcelEvent = { type: "parcel.ready"; weight: number } | { type: "parcel.lost" };

interface ParcelContext {
  to: string;
  weight: number;
  readyAt: number | null;
  tracking: string | null;
  problem: string | null;
}

export const parcelChart = setup({
  types: {
    context: {} as ParcelContext,
    input: {} as { to: string },
    events: {} as Timed<ParcelEvent>,
    output: {} as { tracking: string | null },
    children: {} as { send: "sendParcel" },
  },
  actors: { sendParcel: sendParcel.logic },
  delays: { aDay: 86_400_000 },
  guards: { isLight: ({ event }) => event.type === "parcel.ready" && event.weight < 10 },
  actions: {
    noteReady: assign(({ event }) =>
      event.type === "parcel.ready" ? { weight: event.weight, readyAt: timeOf(event) } : {},
    ),
    noteTracking: assign({ tracking: (_, { tracking }: { tracking: string }) => tracking }),
    noteProblem: assign({ problem: (_, { problem }: { problem: string }) => problem }),
  },
}).createMachine({
  id: "parcel",
  context: ({ input }) => ({ to: input.to, weight: 0, readyAt: null, tracking: null, problem: null }),
  output: ({ context }) => ({ tracking: context.tracking }),
  initial: "packing",
  states: {
    packing: {
      on: { "parcel.ready": { guard: "isLight", target: "sending", actions: "noteReady" } },
      after: { aDay: "givenUp" },
    },
    sending: {
      invoke: {
        id: "send",
        src: "sendParcel",
        input: ({ context }) => ({ to: context.to }),
        onDone: { target: "sent", actions: { type: "noteTracking", params: ({ event }) => event.output } },
        onError: {
          target: "givenUp",
          actions: { type: "noteProblem", params: ({ event }) => ({ problem: failureOf(event.error).code }) },
        },
      },
    },
    sent: { type: "final" },
    givenUp: { type: "final" },
  },
});

export const parcel = defineActor({
  kind: "parcel",
  version: "1",
  machine: parcelChart,
  examples: { inputs: [{ to: "Ann" }], events: [{ type: "parcel.ready", weight: 2 }] },
});

export const sends = implementPort(sendParcel, ({ input }) => ({ tracking: `to ${input.to}` }));
