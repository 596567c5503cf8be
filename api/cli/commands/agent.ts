import { Option } from "commander";
import { defineCommand, type CommandGroup } from "../command.ts";
import { readDefinition } from "../definition.ts";
import { connect, doctor } from "./agent-host.ts";
import { cursor, limit, type Paged } from "../options.ts";
import { agentTable, agentText } from "../views/runtimes.ts";

const register = defineCommand<{ agent: string; kind: string; definition: string; host?: string }>({
  usage: "register <agent>",
  summary: "Tell how and where an agent can be started, so that it can be woken when nothing of it lives.",
  options: [
    new Option("--kind <kind>", "agent kind").default("generic"),
    new Option(
      "--definition <json>",
      "what the kind needs to start it; @FILE reads it from a file",
    ).makeOptionMandatory(),
    new Option("--host <host>", "where it may be started; left out: the node's host"),
  ],
  examples: [
    "agent register reviewer-1 --definition @reviewer.json",
    `agent register reviewer-1 --definition '{"command": ["my-agent"], "cwd": "/srv/project", "patterns": {"prompt": "^> ?(.*)$"}}'`,
  ],
  async run(invocation, { agent, kind, definition, host }) {
    const input = { agent_id: agent, kind, definition: readDefinition(definition), host };
    invocation.show(await invocation.call("register_agent", input), agentText);
  },
});

const listing = defineCommand<Paged>({
  usage: "list",
  summary: "Agents: how they are started, their latest session and heartbeat.",
  options: [limit(), cursor()],
  async run(invocation, { limit: rows, cursor: after }) {
    invocation.show(await invocation.call("list_agents", { limit: rows, cursor: after }), agentTable);
  },
});

export const agentGroup: CommandGroup = {
  name: "agent",
  summary: "Identities that can be woken.",
  commands: [register, listing, doctor, connect],
};
