import { assign, setup } from "xstate";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { definePort } from "../../../machines/port.ts";
import {
  deadEnds,
  explore,
  replay,
  unreachedStates,
  untakenTransitions,
} from "../../../runtime/model/explore.ts";
import type { Model, Position } from "../../../runtime/model/model.ts";

interface Context {
  count: number;
}

const dig = definePort({
  name: "dig",
  summary: "Digs.",
  input: z.object({}),
  output: z.string(),
  repeat: "idempotent",
  retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
  timeoutMs: 1,
});

const words = setup({
  types: {
    context: {} as Context,
    events: {} as { type: "begin.requested" } | { type: "never.sent" },
    children: {} as { dig: "dig" },
  },
  actors: { dig: dig.logic },
  actions: { more: assign({ count: ({ context }) => context.count + 1 }) },
  guards: { twice: ({ context }) => context.count >= 2, never: () => false },
  delays: { pause: 50 },
});

function chart({ planted }: { planted: boolean }) {
  return words.createMachine({
    id: "pit",
    context: { count: 0 },
    initial: "rest",
    states: {
      rest: { on: { "begin.requested": { target: "digging", actions: "more" } } },
      digging: {
        invoke: { id: "dig", src: "dig", input: {}, onDone: "pausing", onError: planted ? "lost" : "rest" },
      },
      pausing: {
        after: { pause: [{ guard: "twice", target: "over" }, { target: "rest" }] },
        on: planted ? { "never.sent": { guard: "never", target: "island" } } : {},
      },
      over: { type: "final" },
      lost: {},
      island: { after: { pause: "rest" } },
    },
  });
}

function modelOf(machine: ReturnType<typeof chart>): Model<Context> {
  return {
    machine,
    address: "pit/1",
    input: {},
    mail: () => ({
      "begin.requested": [{ type: "begin.requested" }],
      "never.sent": [{ type: "never.sent" }],
    }),
    outcomes: { dig: { done: ["gold"], failed: ["internal"] } },
    abstraction: ({ value, context }) => [value, Math.min(context.count, 2)],
  };
}

describe("the exploration of a chart", () => {
  it("reports a dead end, an unreachable state and a transition that nothing takes", () => {
    const machine = chart({ planted: true });
    const graph = explore(modelOf(machine), { limit: 100 });
    expect(deadEnds(graph)).toEqual(['["lost",1]', '["lost",2]']);
    expect(unreachedStates(machine, [graph])).toEqual(["pit.island"]);
    expect(untakenTransitions(machine, [graph])).toEqual([
      "pit.pausing never.sent#0",
      "pit.island xstate.after.pause.pit.island#0",
    ]);
  });

  it("keeps for every transition a path that takes it when it is replayed", () => {
    const model = modelOf(chart({ planted: false }));
    const graph = explore(model, { limit: 100 });
    expect(graph.doubled).toEqual([]);
    expect(graph.paths.size).toBeGreaterThan(4);
    for (const { covers, moves, states } of graph.paths.values()) {
      const last = replay(model, moves).at(-1)!.step;
      expect(last.transitions).toContain(covers);
      expect(last.states).toEqual(states);
    }
  });

  it("refuses an abstraction that never closes", () => {
    const model = modelOf(chart({ planted: false }));
    const endless = {
      ...model,
      abstraction: ({ value, context }: Position<Context>) => [value, context.count],
    };
    expect(() => explore(endless, { limit: 10 })).toThrow("more than 10 abstract states");
  });
});
