import { addresses } from "../../machines/mail.ts";
import type { LaunchPlan } from "../../machines/runtime/contract.ts";
import type { RuntimeInput } from "../../machines/runtime/events.ts";
import type { PortCall } from "../../runtime/ports.ts";
import type { Transaction } from "../../runtime/store.ts";
import { readRuntime } from "./managed-runtime.ts";
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
  const input: Omit<RuntimeInput, "now" | "deaths"> = {
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
    const deaths = await earlierDeaths(tx, agentId);
    await world.engine.create(tx, {
      kind: "runtime",
      address,
      input: { ...input, deaths },
      subject: agentId,
    });
  });
  world.engine.ring();
  return { verdict: "started", runtimeId };
}

const deathsTold = 16;

/** Each resume and spawn is a runtime of its own; only together do their deaths show a crash loop (C6). Oldest first. */
async function earlierDeaths(tx: Transaction, agentId: string): Promise<number[]> {
  const runtimes = await tx.listActorsBySubject({ kind: "runtime", subject: agentId });
  const deaths = new Set(runtimes.flatMap((actor) => readRuntime(actor).deaths));
  return [...deaths].toSorted((a, b) => a - b).slice(-deathsTold);
}
