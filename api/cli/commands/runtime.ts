import { Option } from "commander";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, integer, limit, requiredReason, type Paged } from "../options.ts";
import { runtimePage, runtimeTable } from "../views/runtimes.ts";
import { attach } from "./attach.ts";
import { answer } from "./prompts.ts";

interface Registration {
  agent: string;
  mode: string;
  id?: string;
  host?: string;
  backend?: string;
  server?: string;
  target?: string;
  pid?: number;
  session?: string;
  prompt?: string;
}

const register = defineCommand<Registration>({
  usage: "register <agent>",
  summary: "Launch an agent in a terminal, adopt a tmux pane, or note a program that runs by itself.",
  options: [
    new Option("--mode <mode>", "launch: a new terminal; adopt: a tmux pane; attach: noted, never typed into")
      .choices(["launch", "adopt", "attach"])
      .default("launch"),
    new Option("--id <runtime>", "id of your choice; else one is made"),
    new Option("--host <host>", "left out: the node's host"),
    new Option("--backend <backend>", "with launch; left out: tmux where there is one, else pty").choices([
      "tmux",
      "pty",
    ]),
    new Option("--server <socket>", "with adopt: absolute path of the tmux socket"),
    new Option("--target <pane>", "with adopt: the pane's id, such as %3"),
    new Option("--pid <pid>", "with attach: the program's process id").argParser(integer(1)),
    new Option("--session <session>", "the agent's own session; with launch it is resumed"),
    new Option("--prompt <text>", "with launch: the first prompt"),
  ],
  examples: [
    "runtime register reviewer-1 --mode launch --backend tmux",
    "runtime register reviewer-1 --mode adopt --server \"$(tmux display -p '#{socket_path}')\" --target %3",
  ],
  async run(invocation, { agent, id, session, ...given }) {
    const { mode, host, backend, server, target, pid, prompt } = given;
    const place = { host, backend, server, target, pid };
    const input = { agent_id: agent, runtime_id: id, session_id: session, mode, prompt, ...place };
    invocation.show(await invocation.call("register_runtime", input), runtimePage);
  },
});

const listing = defineCommand<Paged & { agent?: string }>({
  usage: "list",
  summary: "Which agent lives in which terminal, and what it is doing.",
  options: [new Option("--agent <agent>", "only its own"), limit(), cursor()],
  async run(invocation, { agent, limit: rows, cursor: after }) {
    const input = { agent_id: agent, limit: rows, cursor: after };
    invocation.show(await invocation.call("list_runtimes", input), runtimeTable);
  },
});

const show = defineCommand<{ runtime: string }>({
  usage: "show <runtime>",
  summary: "One runtime: terminal, process, session, state.",
  async run(invocation, { runtime }) {
    invocation.show(await invocation.call("get_runtime", { runtime_id: runtime }), runtimePage);
  },
});

const stop = defineCommand<{ runtime: string; reason: string }>({
  usage: "stop <runtime>",
  summary: "End the agent's program and remove its terminal.",
  options: [requiredReason()],
  async run(invocation, { runtime, reason }) {
    const answer = await invocation.call("deregister_runtime", { runtime_id: runtime, reason });
    invocation.show(answer, runtimePage);
  },
});

const reconcile = defineCommand<{ runtime: string }>({
  usage: "reconcile <runtime>",
  summary: "Look for its terminal again, by its identity.",
  async run(invocation, { runtime }) {
    invocation.show(await invocation.call("reconcile_runtime", { runtime_id: runtime }), runtimePage);
  },
});

const handovers = [
  ["manage", "managed", "Take a runtime back from a person, so that its agent is woken in it."],
  ["unmanage", "unmanaged", "Hand a runtime over to a person: it is never typed into."],
] as const;

const handoverCommands = handovers.map(([name, management, what]) =>
  defineCommand<{ runtime: string; reason: string }>({
    usage: `${name} <runtime>`,
    summary: what,
    options: [requiredReason()],
    async run(invocation, { runtime, reason }) {
      const input = { runtime_id: runtime, management, reason };
      invocation.show(await invocation.call("change_runtime_management", input), runtimePage);
    },
  }),
);

const switches = [
  ["pause", "pause_injection", "Type nothing into this runtime until it is resumed."],
  ["resume", "resume_injection", "Allow typing into this runtime again."],
] as const;

const switchCommands = switches.map(([name, operation, what]) =>
  defineCommand<{ runtime: string; reason: string }>({
    usage: `${name} <runtime>`,
    summary: what,
    options: [requiredReason()],
    async run(invocation, { runtime, reason }) {
      const input = { scope: "runtime", runtime_id: runtime, reason };
      invocation.show(
        await invocation.call(operation, input),
        ({ injection }) => `Injection for runtime ${runtime} is ${injection}.\n`,
      );
    },
  }),
);

export const runtimeGroup: CommandGroup = {
  name: "runtime",
  summary: "Terminals that agents live in.",
  commands: [
    register,
    listing,
    show,
    attach,
    answer,
    stop,
    reconcile,
    ...handoverCommands,
    ...switchCommands,
  ],
};
