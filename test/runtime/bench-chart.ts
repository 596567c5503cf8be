import { assign, emit, sendTo, setup, type AnyActorRef } from "xstate";
import { z } from "zod";
import { definePort } from "../../machines/port.ts";
import type { RegisteredMachine } from "../../machines/registry.ts";

const input = z.object({ n: z.number() });
const output = z.object({ n: z.number() });
const retry = { attempts: 3, backoffMs: 1_000, maxBackoffMs: 4_000 };

/** Work that may be repeated. */
export const fetchPart = definePort({
  name: "fetchPart",
  summary: "Fetches a part.",
  input,
  output,
  repeat: "idempotent",
  retry,
  timeoutMs: 5_000,
});

/** Work that must not be repeated blindly. */
export const stampPart = definePort({
  name: "stampPart",
  summary: "Stamps a part.",
  input,
  output,
  repeat: "once",
  retry: { ...retry, attempts: 1 },
  timeoutMs: 5_000,
  host: () => "here",
  exclusive: () => "stamp",
});

/** A small chart with every construct that the engine carries. */
const benchMachine = setup({
  types: {
    context: {} as { n: number; log: string[] },
    input: {} as { n: number },
    events: {} as { type: "fetch" | "stamp" | "wait" | "leave" | "tell" | "shout" | "told" | "poison" },
  },
  actors: { fetchPart: fetchPart.logic, stampPart: stampPart.logic },
  delays: { patience: 10_000 },
  guards: {
    explodes: () => {
      throw new Error("boom");
    },
  },
  actions: {
    log: assign({ log: ({ context }, { text }: { text: string }) => [...context.log, text].slice(-20) }),
    tellNext: sendTo(({ system }) => system.get("bench/2") as AnyActorRef, { type: "told" }),
    shout: emit({ type: "told", topic: "everybody" }),
  },
}).createMachine({
  id: "bench",
  version: "1",
  initial: "idle",
  context: ({ input: given }) => ({ n: given.n, log: [] }),
  on: { told: { actions: { type: "log", params: { text: "told" } } } },
  states: {
    idle: {
      description: "Waits to be told what to do.",
      on: {
        fetch: "fetching",
        stamp: "stamping",
        wait: "waiting",
        tell: { actions: "tellNext" },
        shout: { actions: "shout" },
        poison: { guard: "explodes", target: "waiting" },
      },
    },
    fetching: {
      description: "A part is being fetched.",
      invoke: {
        id: "fetchPart",
        src: "fetchPart",
        input: ({ context }) => ({ n: context.n }),
        onDone: { target: "idle", actions: { type: "log", params: { text: "fetched" } } },
        onError: {
          target: "idle",
          actions: { type: "log", params: ({ event }) => ({ text: `failed ${codeOf(event)}` }) },
        },
      },
      on: { leave: "idle" },
    },
    stamping: {
      description: "A part is being stamped.",
      invoke: {
        id: "stampPart",
        src: "stampPart",
        input: ({ context }) => ({ n: context.n }),
        onDone: { target: "idle", actions: { type: "log", params: { text: "stamped" } } },
        onError: {
          target: "idle",
          actions: { type: "log", params: ({ event }) => ({ text: `not stamped ${codeOf(event)}` }) },
        },
      },
      on: { leave: "idle" },
    },
    waiting: {
      description: "Waits until patience ends.",
      after: { patience: { target: "idle", actions: { type: "log", params: { text: "waited" } } } },
      on: { leave: "idle" },
    },
  },
});

function codeOf(event: { error: unknown }): string {
  return (event.error as { code: string }).code;
}

export const benchEntry: RegisteredMachine = {
  kind: "bench",
  version: "1",
  machine: benchMachine,
  ports: [fetchPart, stampPart],
  policy: {},
};
