import { expect, test } from "vitest";
import type { RuntimeFacts } from "../../machines/runtime/contract.ts";
import { agentFacts } from "../../runtime/agent-facts.ts";
import type { StoredActor } from "../../runtime/store.ts";

function actor(runtimeId: string, facts: Partial<RuntimeFacts>): StoredActor {
  const reported = { runtimeId, management: "managed", state: "idle", ...facts };
  return {
    address: `runtime/${runtimeId}`,
    kind: "runtime",
    subject: "reviewer",
    version: 1,
    status: "active",
    machineVersion: "1",
    machineHash: "h",
    record: JSON.stringify({ snapshot: { context: { reported } } }),
    updatedAt: 0,
  };
}

test("of several runtimes a managed living one is the target, and the other living ones are spares", () => {
  const { runtime, spares } = agentFacts(null, [
    actor("rt-4", { state: "busy" }),
    actor("rt-3", { state: "dead" }),
    actor("rt-2", {}),
    actor("rt-1", { management: "unmanaged" }),
  ]);
  expect(runtime?.runtimeId).toBe("rt-2");
  expect(spares.map(({ runtimeId }) => runtimeId)).toEqual(["rt-1", "rt-4"]);
});

test("where none lives the target is one that ended", () => {
  const { runtime, spares } = agentFacts(null, [actor("rt-1", { state: "dead" })]);
  expect(runtime).toMatchObject({ runtimeId: "rt-1", state: "dead" });
  expect(spares).toEqual([]);
});
