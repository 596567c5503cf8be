import type { Chart } from "../../machines/registry.ts";
import { transitionIds } from "../transitions.ts";
import { modelsOf, type Subject } from "./derived-model.ts";
import {
  explore,
  unreachedStates,
  untakenTransitions,
  type Graph,
  type Path,
  type Refusal,
} from "./explore.ts";
import type { Model, Walked } from "./model.ts";

/** A chart walked with all its examples. */
export interface Survey {
  walks: readonly { model: Model<unknown>; graph: Graph<unknown> }[];
  refusals: readonly Refusal<unknown>[];
  /** A shortest path for every transition that was taken, with its model. */
  paths: readonly (Path & { model: Model<unknown> })[];
  untaken: readonly string[];
  unreached: readonly string[];
}

export interface SurveyOptions {
  /** Positions to find at most, per input and abstraction. */
  limit?: number;
  visit?: (walked: Walked<unknown>) => void;
}

const defaultLimit = 1_000;

export function survey(
  subject: Subject,
  { limit = defaultLimit, visit = () => {} }: SurveyOptions = {},
): Survey {
  const refusals: Refusal<unknown>[] = [];
  const onRefusal = (refusal: Refusal<unknown>): void => void refusals.push(refusal);
  const walks: { model: Model<unknown>; graph: Graph<unknown> }[] = [];
  for (const model of modelsOf(subject)) {
    walks.push({ model, graph: explore(model, { limit, atLimit: "stop", visit, onRefusal }) });
  }
  const graphs = walks.map(({ graph }) => graph);
  return {
    walks,
    refusals,
    paths: coveringPaths(subject.machine, walks),
    untaken: untakenTransitions(subject.machine, graphs),
    unreached: unreachedStates(subject.machine, graphs),
  };
}

function coveringPaths(machine: Chart, walks: Survey["walks"]): Survey["paths"] {
  return [...transitionIds(machine).values()].flatMap((id) => {
    const found = walks.flatMap(({ model, graph }) => {
      const path = graph.paths.get(id);
      return path === undefined ? [] : [{ ...path, model }];
    });
    const shortest = found.toSorted((a, b) => a.moves.length - b.moves.length)[0];
    return shortest === undefined ? [] : [shortest];
  });
}
