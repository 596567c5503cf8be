import { deepStrictEqual, ok } from "node:assert";
import type { AnyStateMachine } from "xstate";
import { replay } from "../../../runtime/model/explore.ts";
import type { ModelExamples } from "../../../runtime/model/examples.ts";
import type { Move } from "../../../runtime/model/model.ts";
import { moveLabel, transitionName } from "../../../runtime/model/move-label.ts";
import { isPunctual } from "../../../runtime/model/punctual.ts";
import { survey, type SurveyOptions } from "../../../runtime/model/survey.ts";
import type { Actor } from "../actor.ts";
import type { Examples } from "../examples.ts";
import { requireDurable } from "../require-durable.ts";
import { runPath } from "./run-path.ts";

/** A shortest way through a chart that takes one certain transition. */
export interface ModelPath {
  /** A sentence for a test's name. */
  readonly name: string;
  /** Id of the transition, `<state> <event>#<index>`, as in the journal. */
  readonly covers: string;
  readonly moves: readonly Move[];
  /** Active leaf states at the end. */
  readonly states: readonly string[];
  /**
   * Plays it through the kernel alone, and through the engine on a store in memory; rejects where they differ. Paths
   * that need a late node (a timer overtaken by another) are played by the kernel alone.
   */
  run(): Promise<void>;
}

export interface PathOptions<Machine extends AnyStateMachine> extends Examples<Machine> {
  /** Positions to walk at most, per input. Default: 1,000. */
  limit?: SurveyOptions["limit"];
}

/** What a walk with the examples could not show. */
export interface Gaps {
  /** Transition ids that nothing took. */
  readonly transitions: readonly string[];
  /** Leaf states that nothing reached. */
  readonly states: readonly string[];
  /** Events at which the chart threw, or asked for what is not durable. */
  readonly refusals: readonly string[];
}

/** One path per transition that the examples (the actor's own, or those given here) can take. */
export function pathsOf<Machine extends AnyStateMachine>(
  actor: Actor<Machine>,
  options: PathOptions<Machine> = {},
): ModelPath[] {
  return surveyOf(actor, options).paths.map(({ model, moves, states, covers }) => ({
    name: `${["creation", ...moves.map(moveLabel)].join(", ")}: takes ${transitionName(covers)}`,
    covers,
    moves,
    states,
    async run() {
      const last = replay(model, moves).at(-1);
      ok(last?.step.transitions.includes(covers), `${covers} is taken`);
      deepStrictEqual(last?.step.states, states);
      if (isPunctual(model, moves)) await runPath(actor, model, moves);
    },
  }));
}

/** Empty lists when every state is reached and every transition taken. */
export function gapsOf<Machine extends AnyStateMachine>(
  actor: Actor<Machine>,
  options: PathOptions<Machine> = {},
): Gaps {
  const { untaken, unreached, refusals } = surveyOf(actor, options);
  const said = refusals.map(({ move, error }) => {
    const at = move === null ? "creation" : moveLabel(move);
    return `${at}: ${error instanceof Error ? error.message : String(error)}`;
  });
  return { transitions: untaken, states: unreached, refusals: [...new Set(said)] };
}

function surveyOf(actor: Actor, options: PathOptions<AnyStateMachine>) {
  requireDurable(actor);
  const { limit, ...examples } = options;
  const { kind, machine } = actor;
  // Typed by the chart for its author; the walk takes any.
  const all = { ...actor.examples, ...examples } as ModelExamples;
  return survey({ kind, machine, examples: all }, limit === undefined ? {} : { limit });
}
