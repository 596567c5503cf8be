import { spawnSync } from "node:child_process";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import type { Runtime } from "../payloads.ts";
import { programPath } from "../../program-path.ts";

export const attach = defineCommand<{ runtime: string }>({
  usage: "attach <runtime>",
  summary: "Look at an agent's terminal and type into it; leave with Ctrl-b d.",
  remarks: "Works on the host that the runtime lives on. With --json it prints the command and runs nothing.",
  async run(invocation, { runtime: id }) {
    const { runtime } = await invocation.call("get_runtime", { runtime_id: id });
    await requireHere(invocation, runtime);
    const command = attachCommand(runtime);
    if (invocation.isJson) {
      invocation.show({ runtime_id: id, command }, () => "");
      return;
    }
    const [program, ...args] = command;
    const { status, error } = spawnSync(program, args, { stdio: "inherit" });
    if (error !== undefined) {
      throw new RouseError("terminal_backend_missing", `cannot run ${program}: ${error.message}`, {
        nextStep: "Install it on this host.",
        cause: error,
      });
    }
    if (status !== 0) throw gone(runtime);
  },
});

async function requireHere(invocation: Invocation, { runtime_id: id, host }: Runtime): Promise<void> {
  const { host: nodeHost } = await invocation.call("get_status");
  if (invocation.connection.node !== null && nodeHost === host) return;
  throw new RouseError("terminal_missing", `runtime ${id} lives on host ${host}, which is not here`, {
    nextStep: `Run rouse runtime attach ${id} on ${host}.`,
    details: { host },
  });
}

/** Program and arguments that show the terminal. Throws `terminal_missing`. */
export function attachCommand(runtime: Runtime): [string, ...string[]] {
  const { runtime_id: id, backend, server, target } = runtime;
  if (server !== null && target !== null) {
    if (backend === "tmux") return ["tmux", "-S", server, ...ownView(target)];
    if (backend === "pty") {
      const program = programPath("../adapters/terminals/pty/attach");
      return [process.execPath, "--no-warnings", program, server];
    }
  }
  throw new RouseError("terminal_missing", `runtime ${id} has no terminal to attach to`, {
    nextStep: `See rouse runtime show ${id}; an unmanaged runtime has none of ours.`,
  });
}

/**
 * A session of this person's own, in the group of the pane's. In a shared one somebody who opens another window takes
 * everybody along, and what the others type next lands there.
 */
function ownView(pane: string): string[] {
  return [
    ...["new-session", "-t", pane, ";", "set-option", "destroy-unattached", "on", ";"],
    ...["select-window", "-t", pane],
  ];
}

function gone({ runtime_id: id }: Runtime): RouseError {
  return new RouseError("terminal_missing", `the terminal of runtime ${id} is gone or refused`, {
    nextStep: `Run rouse runtime reconcile ${id}, then rouse runtime show ${id}.`,
  });
}
