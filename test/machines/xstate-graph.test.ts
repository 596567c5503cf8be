import { getShortestPaths } from "@xstate/graph";
import type { AnyMachineSnapshot } from "xstate";
import { describe, expect, test } from "vitest";
import { explore } from "../../runtime/model/explore.ts";
import { begin, beginning, walk, type Position } from "../../runtime/model/model.ts";
import type { ActorEvent } from "../../runtime/store.ts";
import { modelPolicies, threadModel } from "./thread-model.ts";
import type { ThreadContext } from "../../machines/thread/events.ts";

/**
 * XState's own graph walk knows neither incarnations nor time, so our explorer drives the kernel. On the chart without
 * ports and timers both must find the same.
 */
describe.each(modelPolicies)("the thread, walked by @xstate/graph, %o", (policy) => {
  const model = threadModel(policy);
  const stand = (snapshot: Pick<AnyMachineSnapshot, "value" | "context">): Position<ThreadContext> => ({
    ...begin(model).after,
    value: snapshot.value,
    context: snapshot.context as ThreadContext,
  });
  const keyOf = (position: Position<ThreadContext>): string => JSON.stringify(model.abstraction(position));
  const paths = getShortestPaths(model.machine, {
    input: { ...model.input, now: beginning },
    events: (snapshot: AnyMachineSnapshot) =>
      Object.values(model.mail(stand(snapshot)))
        .flat()
        .map((event) => ({ ...event, now: beginning })),
    serializeState: (snapshot: AnyMachineSnapshot) => keyOf(stand(snapshot)),
    limit: 50_000,
  } as never) as unknown as { state: AnyMachineSnapshot; steps: { event: ActorEvent }[] }[];

  test("reaches the same abstract states as the explorer does through the kernel", () => {
    const found = explore(model, { limit: 5_000 });
    const keys = paths.map(({ state }) => keyOf(stand(state)));
    expect(new Set(keys)).toEqual(new Set(found.vertices.keys()));
  });

  test("gives paths that the kernel walks to the same place", () => {
    for (const { steps, state } of paths) {
      const mail = steps.map(({ event }) => event).filter(({ type }) => type !== "xstate.init");
      const end = mail.reduce(
        (walked, event) => walk(model, walked.after, { type: "mail", event }),
        begin(model),
      );
      expect(keyOf(end.after)).toBe(keyOf(stand(state)));
    }
  });
});
