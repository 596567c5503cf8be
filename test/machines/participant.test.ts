import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import { participantMachine } from "../../machines/participant/machine.ts";
import {
  deadEnds,
  explore,
  replay,
  unreachedStates,
  untakenTransitions,
} from "../../runtime/model/explore.ts";
import {
  begin,
  failure,
  movesAt,
  walk,
  type Model,
  type Move,
  type Position,
  type Walked,
} from "../../runtime/model/model.ts";
import { broken, standing } from "./participant-invariants.ts";
import { modelOf, modelPolicy, sides, whole } from "./participant-model.ts";

type At = Position<ParticipantContext>;

const walks = sides.map((side) => {
  const model = modelOf(side);
  const faults = new Set<string>();
  const graph = explore(model, {
    limit: 3_000,
    visit: (walked) => broken(walked).forEach((fault) => faults.add(fault)),
  });
  return { name: side.name, model, graph, faults };
});

describe("the participant's chart", () => {
  it("takes every transition and reaches every state in some walk", () => {
    const graphs = walks.map(({ graph }) => graph);
    expect(untakenTransitions(participantMachine, graphs)).toEqual([]);
    expect(unreachedStates(participantMachine, graphs)).toEqual([]);
  });

  describe.each(walks)("with $name", ({ model, graph, faults }) => {
    it("keeps its invariants after every step", () => {
      expect([...faults]).toEqual([]);
    });

    it("has a way out of every state and drops every duplicate", () => {
      expect(deadEnds(graph)).toEqual([]);
      expect(graph.doubled).toEqual([]);
    });

    it("replays a path for every transition it takes", () => {
      for (const { covers, moves, states } of graph.paths.values()) {
        const { step } = replay(model, moves).at(-1)!;
        expect(step.transitions).toContain(covers);
        expect(step.states).toEqual(states);
      }
    });

    it("comes to rest from every state by time alone, whatever one answer its ports give", () => {
      for (const answer of answers) {
        const restful = new Set<string>();
        for (const { position } of graph.vertices.values()) {
          expect(restless(model, position, { answer: () => answer, restful })).toBeNull();
        }
      }
    });
  });
});

/** What a port may do for ever: nothing (its bound passes), fail, be uncertain, or any of its outcomes. */
const answers: readonly (Move | null)[] = [
  null,
  { type: "failed", invoke: "", error: failure("internal") },
  { type: "failed", invoke: "", error: failure("effect_uncertain") },
  { type: "done", invoke: "", output: { verdict: "delivered" } },
  { type: "done", invoke: "", output: { verdict: "deferred", reason: "agentBusy", retryAfterMs: null } },
  { type: "done", invoke: "", output: { verdict: "started", runtimeId: "rt-9" } },
];

const stepBound = 120;

interface Rest {
  answer: () => Move | null;
  /** Abstract states known to come to rest under this answer; none when answers differ from turn to turn. */
  restful?: Set<string>;
}

/** Nobody else acts: ports answer and timers fire. Null when the participant comes to rest, else where it went on. */
function restless(model: Model<ParticipantContext>, from: At, { answer, restful }: Rest): string | null {
  const passed: string[] = [];
  let at = from;
  while (!["caughtUp", "blocked", "held"].includes(standing(at))) {
    const key = JSON.stringify(model.abstraction(at));
    if (restful?.has(key) === true) break;
    if (passed.push(key) > stepBound) return `${key} after ${stepBound} steps`;
    const invoke = Object.keys(at.record.invokes)[0];
    const given = invoke === undefined ? null : answer();
    const move = given === null || invoke === undefined ? nextTimer(at) : ({ ...given, invoke } as Move);
    if (move === null) return `${standing(at)} waits without a timer`;
    at = walk(model, at, move).after;
  }
  for (const key of passed) restful?.add(key);
  return null;
}

function drawn(stream: Iterator<number>): number {
  const { value } = stream.next() as { value: number };
  return value;
}

function nextTimer({ due }: At): Move | null {
  const timers = Object.entries(due).filter(([id]) => id.includes("attention"));
  const [earliest] = timers.toSorted(([, one], [, other]) => one.at - other.at);
  return earliest === undefined ? null : { type: "timer", timer: earliest[0] };
}

describe("a participant under random mail, outcomes and timers", () => {
  const model = modelOf(whole);
  const picks = fc.array(fc.nat(10_000), { maxLength: 60 });

  function wander(choices: readonly number[]): Walked<ParticipantContext>[] {
    const walked = [begin(model)];
    for (const choice of choices) {
      const { after } = walked.at(-1)!;
      const moves = movesAt(model, after);
      walked.push(walk(model, after, moves[choice % moves.length]!));
    }
    return walked;
  }

  it("keeps its invariants", () => {
    fc.assert(
      fc.property(picks, (choices) => {
        const walked = wander(choices);
        expect(walked.flatMap(broken)).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("comes to rest by time alone whatever its ports answer, turn by turn", () => {
    fc.assert(
      fc.property(picks, fc.infiniteStream(fc.nat(answers.length - 1)), (choices, stream) => {
        const { after } = wander(choices).at(-1)!;
        expect(restless(model, after, { answer: () => answers[drawn(stream)] ?? null })).toBeNull();
      }),
      { numRuns: 100 },
    );
  });

  it("has figures small enough that every bound is met within these runs", () => {
    expect(modelPolicy.ackExtendedMs).toBeLessThan(stepBound);
  });
});
