import type { SimWorld } from "./contract.ts";
import { adoptedPane, cast, threads } from "./cast.ts";

export interface Tokens {
  operator: string;
  coordinator: string;
}

/** Before the faults: nodes up, agents registered, terminals launched, threads open. */
export async function setUp(world: SimWorld): Promise<Tokens> {
  const operator = world.tokens.issue({ agentId: "ada", role: "operator", sessionId: "s-ada" });
  const coordinator = world.tokens.issue({ agentId: "max", role: "coordinator", sessionId: "s-max" });
  const hosts = [...world.hosts.keys()];
  for (const spec of world.profile.nodes) world.startNode(spec);
  const [first] = world.living();
  if (first === undefined) throw new Error("no node");
  const ask = (name: string, input: object) => first.serve(operator, name, input);
  const pane = { runtimeId: adoptedPane, argv: ["agent"] as const, cwd: "/", env: {} };
  world.hostOf("alpha").scripted.open({ ...pane, argv: ["agent"] });
  for (const [index, { agentId, terminal, definition }] of cast.entries()) {
    const host = hosts[index % hosts.length] ?? "alpha";
    await ask("register_agent", { agent_id: agentId, kind: "generic", definition, host });
    const runtime = { agent_id: agentId, runtime_id: `rt-${agentId}` };
    if (terminal === "launched") await ask("register_runtime", { ...runtime, mode: "launch", host });
    if (terminal === "adopted") {
      const adopt = { mode: "adopt", server: "/tmp/s", target: adoptedPane, host: "alpha" };
      await ask("register_runtime", { ...runtime, ...adopt });
    }
    if (terminal === "attached") await ask("register_runtime", { ...runtime, mode: "attach", host });
  }
  for (const [threadId, participants] of Object.entries(threads)) {
    await ask("create_thread", { thread_id: threadId, title: "review", participants });
  }
  // Somebody whose earlier session can be brought back.
  const earlier = { session_id: "ses-earlier", host: hosts[0] };
  await first.serve(world.agents.tokenOf("dee"), "heartbeat_session", earlier);
  return { operator, coordinator };
}
