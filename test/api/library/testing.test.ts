import { describe, expect, it } from "vitest";
import { defineActor, type Actor } from "../../../api/library/index.ts";
import { gapsOf, pathsOf } from "../../../api/library/testing/index.ts";
import { transitionIds } from "../../../runtime/transitions.ts";
import { door } from "../../fixtures/charts/door.ts";
import { parcel, parcelChart } from "./parcel.ts";

const actors: readonly Actor[] = [parcel, door];

describe.each(actors)("tests made from the chart of a $kind", (actor) => {
  for (const path of pathsOf(actor)) it("along " + path.name, () => path.run());

  it("are one per transition", () => {
    const covered = pathsOf(actor).map(({ covers }) => covers);
    expect(covered).toEqual([...transitionIds(actor.machine).values()]);
    expect(gapsOf(actor)).toEqual({ transitions: [], states: [], refusals: [] });
  });
});

describe("the gaps of a chart", () => {
  it("are the transitions and states that the examples do not reach", () => {
    const heavy = { events: [{ type: "parcel.ready" as const, weight: 99 }] };
    expect(gapsOf(parcel, heavy)).toEqual({
      transitions: [
        "parcel.packing parcel.ready#0",
        "parcel.sending xstate.done.actor.send#0",
        "parcel.sending xstate.error.actor.send#0",
      ],
      states: ["parcel.sending", "parcel.sent"],
      refusals: [],
    });
  });

  it("are also what the chart threw at", () => {
    const bare = defineActor({ kind: "bare", version: "1", machine: parcelChart });
    expect(gapsOf(bare, { inputs: [] }).states).toHaveLength(4);
    expect(gapsOf(bare).refusals).toEqual([]);
  });
});
