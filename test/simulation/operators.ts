import type { SimWorld } from "./contract.ts";
import { callPatiently } from "./calls.ts";
import { cast, threads } from "./cast.ts";
import type { Tokens } from "./setup.ts";

/** People and coordinators with authority: they pause, force, block, close, stop, hand over, revoke. */
export function startOperators(world: SimWorld, tokens: Tokens): void {
  world.go(() => operate(world, "operator", tokens.operator));
  world.go(() => operate(world, "coordinator", tokens.coordinator));
}

const reason = { reason: "because" };

async function operate(world: SimWorld, stream: string, token: string): Promise<void> {
  const { choices } = world;
  for (;;) {
    await world.sleep(choices.between(stream, 100, choices.one(stream, [600, 3_000])));
    if (world.isCalm) return;
    const [name, input] = command(world, stream);
    await callPatiently(world, { stream, token, name, input });
  }
}

function command(world: SimWorld, stream: string): readonly [name: string, input: object] {
  const { choices } = world;
  const threadId = choices.one(stream, Object.keys(threads));
  const agentId = choices.one(stream, threads[threadId] ?? []);
  const where = { thread_id: threadId, agent_id: agentId };
  const pausable = choices.one(stream, [
    { scope: "agent", agent_id: agentId },
    { scope: "runtime", runtime_id: `rt-${choices.one(stream, ["ann", "bob", "cy"])}` },
    { scope: "thread", thread_id: threadId },
    { scope: "workspace" },
  ]);
  const runtime = { runtime_id: `rt-${choices.one(stream, ["bob", "cy", "ann"])}` };
  return choices.one(stream, [
    ["trigger_participant", where],
    ["trigger_participant", where],
    ["override_participant", { ...where, ...reason }],
    ["block_participant", { ...where, ...reason }],
    ["unblock_participant", { ...where, ...reason }],
    ["unblock_participant", where],
    ["pause_injection", { ...pausable, ...reason }],
    ["pause_injection", { ...pausable, ...reason }],
    ["resume_injection", { ...pausable, ...reason }],
    ["resume_injection", { ...pausable, ...reason }],
    ["update_thread_status", { thread_id: threadId, status: choices.one(stream, statuses), ...reason }],
    ["update_thread_status", { thread_id: threadId, status: choices.one(stream, statuses), ...reason }],
    ["update_thread_status", { thread_id: threadId, status: "active", ...reason }],
    ["update_thread_status", { thread_id: threadId, status: "active", ...reason }],
    ["change_runtime_management", { ...runtime, management: choices.one(stream, managements), ...reason }],
    ["reconcile_runtime", runtime],
    ["deregister_runtime", { ...runtime, ...reason }],
    ["add_participant", { thread_id: threadId, agent_id: choices.one(stream, cast).agentId }],
    [
      "post_message",
      { thread_id: threadId, body: `a decision ${choices.pick(stream, 99)}`, kind: "decision" },
    ],
    ["revoke_token", { jti: world.checks.readerToken(), ...reason }],
    ["revoke_token", { jti: world.checks.readerToken(), ...reason }],
    ["explain", where],
    ["get_status", {}],
  ] as const);
}

const statuses = ["closed", "blocked", "resolved", "active"] as const;
const managements = ["managed", "unmanaged", "managed"] as const;
