import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import { terminalBackends } from "../../machines/runtime/contract.ts";
import type { RuntimeInput, RuntimeOrigin } from "../../machines/runtime/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import { agentId, hostName, runtimeId, sessionId, text } from "./fields.ts";
import type { Caller } from "./caller.ts";
import { defineMutation, type Workspace } from "./operation.ts";
import { hasAuthority, members } from "./role-sets.ts";
import { runtimeNotFound, runtimeShape, runtimeView } from "./runtime-view.ts";

/** The scripted terminal is for tests. */
const launchBackends = terminalBackends.filter((backend) => backend !== "scripted");

const modes = ["launch", "adopt", "attach"] as const;

const input = {
  agent_id: agentId,
  mode: z
    .enum(modes)
    .describe(
      "launch: start the agent in a new terminal. adopt: take over a tmux pane. attach: only note a program that runs by itself; never typed into.",
    ),
  runtime_id: runtimeId.optional().describe("Chosen by you, or generated."),
  host: hostName.optional().describe("Default: the host of the node that answers."),
  backend: z
    .enum(launchBackends)
    .optional()
    .describe("With launch. Default: tmux where there is one, else pty."),
  server: text(512).optional().describe("With adopt: absolute path of the tmux socket."),
  target: text(64).optional().describe("With adopt: the pane id, such as %3."),
  pid: z.int().min(1).max(2_147_483_647).optional().describe("With attach: the program's process id."),
  session_id: sessionId.optional().describe("The agent's own session; with launch it is resumed."),
  prompt: text(4_096).optional().describe("With launch: first prompt."),
};
type Input = z.output<z.ZodObject<typeof input>>;

export const registerRuntime = defineMutation({
  name: "register_runtime",
  summary:
    "Makes a terminal process of an agent known: launches it, adopts a pane, or attaches it unmanaged.",
  toolset: "coordination",
  http: { method: "POST", path: "/v1/runtimes" },
  roles: members,
  refusals: ["already_exists", "agent_not_found"],
  idempotent: false,
  input,
  output: { runtime: runtimeShape },
  async handler({ caller, input: asked, tx, workspace }) {
    requireOwnOrAuthority(caller, asked);
    const origin = originOf(asked, workspace);
    if (asked.mode === "launch") await requireLaunchable(tx, asked.agent_id);
    const id = asked.runtime_id ?? `${asked.agent_id}-${workspace.ids.next().slice(0, 8)}`;
    const machineInput: Omit<RuntimeInput, "now"> = {
      runtimeId: id,
      agentId: asked.agent_id,
      host: asked.host ?? workspace.host,
      management: asked.mode === "attach" ? "unmanaged" : "managed",
      origin,
      sessionId: asked.session_id ?? null,
      policy: workspace.policies.runtime,
    };
    const address = addresses.runtime(id);
    await workspace.engine.create(tx, {
      kind: "runtime",
      address,
      input: machineInput,
      subject: asked.agent_id,
    });
    const actor = await tx.getActor(address);
    if (actor === null) throw runtimeNotFound(id);
    return { runtime: runtimeView(actor) };
  },
});

/** An agent may say where it runs; starting and taking over terminals is for those with authority. */
function requireOwnOrAuthority(caller: Caller, asked: Input): void {
  if (hasAuthority(caller.role)) return;
  if (asked.mode === "attach" && asked.agent_id === caller.agentId) return;
  throw new RouseError("forbidden", `role ${caller.role} may only attach its own runtime`, {
    nextStep: "Ask a coordinator or a person to launch or adopt it.",
    details: { mode: asked.mode },
  });
}

function originOf(asked: Input, workspace: Workspace): RuntimeOrigin {
  switch (asked.mode) {
    case "launch": {
      const resumed = asked.session_id ?? null;
      const plan = {
        purpose: resumed === null ? ("start" as const) : ("resume" as const),
        sessionId: resumed,
        prompt: asked.prompt ?? null,
      };
      return { type: "launch", backend: asked.backend ?? workspace.backend, plan };
    }
    case "adopt":
      return {
        type: "adopt",
        server: requireMatching("server", asked.server, /^\/[^\0\n]+$/),
        target: requireMatching("target", asked.target, /^%\d{1,9}$/),
      };
    case "attach":
      return { type: "attach", pid: asked.pid ?? null };
  }
}

function requireMatching(name: string, value: string | undefined, pattern: RegExp): string {
  if (value !== undefined && pattern.test(value)) return value;
  throw new RouseError("invalid_input", `${name}: adopting takes the socket's absolute path and a pane id`, {
    nextStep: "In that pane run: tmux display-message -p '#{socket_path} #{pane_id}'.",
    details: { issues: [{ path: name, message: "missing or malformed" }] },
  });
}

async function requireLaunchable(tx: Transaction, id: string): Promise<void> {
  const agent = await tx.getAgent(id);
  if (agent !== null && agent.kind !== null && agent.definition !== null) return;
  throw new RouseError("agent_not_found", `nobody told how to start agent ${id}`, {
    nextStep: "Register the agent with its kind and definition first.",
    details: { agent_id: id },
  });
}
