import { addresses } from "../../machines/mail.ts";
import type { LaunchPlan } from "../../machines/runtime/contract.ts";
import type { RuntimeInput } from "../../machines/runtime/events.ts";
import type { PortCall } from "../../runtime/ports.ts";
import type { WorldOptions } from "./world.ts";

interface Place {
  runtimeId: string;
  agentId: string;
  host: string;
}

/** Creates the runtime's actor, whose chart launches the program. A repeated attempt finds it and changes nothing. */
export async function startRuntime(
  world: WorldOptions,
  call: PortCall<Place>,
  plan: LaunchPlan,
): Promise<{ verdict: "started"; runtimeId: string }> {
  const { runtimeId, agentId, host } = call.input;
  const address = addresses.runtime(runtimeId);
  const input: Omit<RuntimeInput, "now"> = {
    runtimeId,
    agentId,
    host,
    management: "managed",
    origin: { type: "launch", backend: world.launchBackend, plan },
    sessionId: plan.sessionId,
    policy: world.runtimePolicy,
  };
  await call.transaction(async (tx) => {
    if ((await tx.getActor(address)) !== null) return;
    await world.engine.create(tx, { kind: "runtime", address, input, subject: agentId });
  });
  world.engine.ring();
  return { verdict: "started", runtimeId };
}
