import { defineActor, definePort, failureOf, timeOf, type Timed } from "rouse";
import { assign, setup } from "xstate";
import { z } from "zod";

/** Outside work: what goes in, what comes out, and whether it may be repeated after a crash. */
export const chargeCard = definePort({
  name: "chargeCard",
  summary: "Takes the money.",
  input: z.object({ orderId: z.string(), amount: z.number().positive() }),
  output: z.object({ receipt: z.string() }),
  repeat: "idempotent",
  retry: { attempts: 5, backoffMs: 200, maxBackoffMs: 5_000 },
  timeoutMs: 10_000,
});

export const shipParcel = definePort({
  name: "shipParcel",
  summary: "Hands the parcel to the carrier.",
  input: z.object({ orderId: z.string() }),
  output: z.object({ tracking: z.string() }),
  repeat: "idempotent",
});

type OrderEvent = { type: "order.paid"; amount: number } | { type: "order.cancelled"; reason: string };

interface OrderContext {
  orderId: string;
  amount: number;
  paidAt: number | null;
  receipt: string | null;
  tracking: string | null;
  problem: string | null;
}

const orderMachine = setup({
  types: {
    context: {} as OrderContext,
    input: {} as { orderId: string; amount: number },
    // The engine adds `now` to every event: charts know no other clock.
    events: {} as Timed<OrderEvent>,
    children: {} as { charge: "chargeCard"; ship: "shipParcel" },
  },
  actors: { chargeCard: chargeCard.logic, shipParcel: shipParcel.logic },
  delays: { paymentTime: 15 * 60_000 },
  guards: {
    isWhole: ({ context, event }) => event.type === "order.paid" && event.amount === context.amount,
  },
  actions: {
    notePayment: assign({ paidAt: ({ event }) => timeOf(event) }),
    noteReceipt: assign({ receipt: (_, { receipt }: { receipt: string }) => receipt }),
    noteTracking: assign({ tracking: (_, { tracking }: { tracking: string }) => tracking }),
    noteProblem: assign({ problem: (_, { problem }: { problem: string }) => problem }),
  },
}).createMachine({
  id: "order",
  context: ({ input }) => ({ ...input, paidAt: null, receipt: null, tracking: null, problem: null }),
  initial: "awaitingPayment",
  states: {
    awaitingPayment: {
      description: "The customer has a quarter of an hour to pay.",
      on: {
        "order.paid": { guard: "isWhole", target: "charging", actions: "notePayment" },
        "order.cancelled": {
          target: "cancelled",
          actions: { type: "noteProblem", params: ({ event }) => ({ problem: event.reason }) },
        },
      },
      after: {
        paymentTime: {
          target: "cancelled",
          actions: { type: "noteProblem", params: { problem: "not paid in time" } },
        },
      },
    },
    charging: {
      description: "The card is being charged. Repeating it after a crash is safe: the key stays the same.",
      invoke: {
        id: "charge",
        src: "chargeCard",
        input: ({ context: { orderId, amount } }) => ({ orderId, amount }),
        onDone: {
          target: "shipping",
          actions: { type: "noteReceipt", params: ({ event }) => event.output },
        },
        onError: {
          target: "cancelled",
          actions: {
            type: "noteProblem",
            params: ({ event }) => ({ problem: failureOf(event.error).message }),
          },
        },
      },
    },
    shipping: {
      description: "Paid; the parcel is on its way to the carrier.",
      invoke: {
        id: "ship",
        src: "shipParcel",
        input: ({ context: { orderId } }) => ({ orderId }),
        onDone: {
          target: "shipped",
          actions: { type: "noteTracking", params: ({ event }) => event.output },
        },
        onError: {
          target: "stuck",
          actions: {
            type: "noteProblem",
            params: ({ event }) => ({ problem: failureOf(event.error).message }),
          },
        },
      },
    },
    stuck: {
      description:
        "Paid, and the carrier refused: a person looks, and tries again by confirming the payment.",
      on: { "order.paid": { guard: "isWhole", target: "shipping" } },
    },
    shipped: { description: "Done.", type: "final" },
    cancelled: { description: "Nothing is owed.", type: "final" },
  },
});

export const order = defineActor({
  kind: "order",
  version: "1",
  machine: orderMachine,
  examples: {
    inputs: [{ orderId: "42", amount: 30 }],
    events: [
      { type: "order.paid", amount: 30 },
      { type: "order.paid", amount: 29 },
      { type: "order.cancelled", reason: "changed my mind" },
    ],
  },
});
