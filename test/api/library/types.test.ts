import { describe, expectTypeOf, test } from "vitest";
import { implementPort, type ActorState, type EventOf, type InputOf } from "../../../api/library/index.ts";
import type { Node } from "../../../api/library/index.ts";
import { pathsOf } from "../../../api/library/testing/index.ts";
import { parcel, sendParcel, type parcelChart } from "./parcel.ts";

/** Compiled by the type check; each expected error stands for a mistake that a stranger would make. */
declare const node: Node;

describe("the types of the library", () => {
  test("know a chart's events, input, context and states; the engine's `now` is nobody's to give", () => {
    expectTypeOf<EventOf<typeof parcelChart>>().toEqualTypeOf<
      { type: "parcel.ready"; weight: number } | { type: "parcel.lost" }
    >();
    expectTypeOf<InputOf<typeof parcelChart>>().toEqualTypeOf<{ to: string }>();
    expectTypeOf<ActorState<typeof parcelChart>["value"]>().toEqualTypeOf<
      "packing" | "sending" | "sent" | "givenUp"
    >();
    expectTypeOf<ActorState<typeof parcelChart>["context"]["tracking"]>().toEqualTypeOf<string | null>();
    expectTypeOf<ActorState<typeof parcelChart>["output"]>().toEqualTypeOf<
      { tracking: string | null } | undefined
    >();
  });

  test("refuse what the chart does not say", () => {
    const mistakes = async () => {
      const handle = node.actor(parcel, "1");
      // @ts-expect-error -- no such event
      await handle.send({ type: "parcel.eaten" });
      // @ts-expect-error -- the payload is missing
      await handle.send({ type: "parcel.ready" });
      // @ts-expect-error -- the payload has another type
      await handle.send({ type: "parcel.ready", weight: "heavy" });
      // @ts-expect-error -- the chart needs input
      await node.create(parcel, "1");
      // @ts-expect-error -- the input has another type
      await node.create(parcel, "1", { to: 7 });
      // @ts-expect-error -- no such state
      await handle.waitFor(({ value }) => value === "eaten");
      // @ts-expect-error -- no such field in the context
      await handle.waitFor(({ context }) => context.colour === "red");
      // @ts-expect-error -- the output of the port is another
      implementPort(sendParcel, () => ({ receipt: "r" }));
      // @ts-expect-error -- the input of the port is another
      implementPort(sendParcel, ({ input }) => ({ tracking: input.street }));
      // @ts-expect-error -- no such event among the examples
      pathsOf(parcel, { events: [{ type: "parcel.eaten" }] });
      // @ts-expect-error -- no such input among the examples
      pathsOf(parcel, { inputs: [{ from: "Ann" }] });
    };
    expectTypeOf(mistakes).toBeFunction();
  });
});
