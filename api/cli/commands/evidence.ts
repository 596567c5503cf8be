import { Option } from "commander";
import { defineCommand, type CommandGroup } from "../command.ts";
import { cursor, limit, type Paged } from "../options.ts";
import { journalTable, wakeTable } from "../views/evidence.ts";
import { explanationText } from "../views/explanation.ts";

const listWakes = defineCommand<{ thread?: string; agent?: string; wake?: string; limit?: number }>({
  usage: "list",
  summary: "Receipts of wakes with their evidence, newest first.",
  options: [
    new Option("--thread <thread>", "only of this thread"),
    new Option("--agent <agent>", "only of this agent"),
    new Option("--wake <wake>", "only this one"),
    limit(),
  ],
  async run(invocation, { thread, agent, wake, limit: rows }) {
    const input = { thread_id: thread, agent_id: agent, wake_id: wake, limit: rows };
    invocation.show(await invocation.call("list_wakes", input), wakeTable);
  },
});

export const wakeGroup: CommandGroup = {
  name: "wake",
  summary: "Efforts to get an agent to read.",
  commands: [listWakes],
};

export const journal = defineCommand<Paged & { actor?: string }>({
  usage: "journal [actor]",
  summary: "What actors did: events, transitions, states. Oldest first.",
  arguments: { actor: "kind/id, for instance thread/th-1; left out: all" },
  options: [limit(), cursor()],
  examples: ["journal participant/th-1.reviewer-1"],
  async run(invocation, { actor, limit: rows, cursor: after }) {
    const input = { address: actor, limit: rows, cursor: after };
    invocation.show(await invocation.call("get_journal", input), journalTable);
  },
});

export const explain = defineCommand<{ thread: string; agent?: string }>({
  usage: "explain <thread> [agent]",
  summary: "Why is this agent not awake? One sentence, then the path, the guards and what comes next.",
  arguments: {
    thread: "the thread; with one argument it is the agent, in all its threads",
    agent: "the agent",
  },
  examples: ["explain th-1 reviewer-1", "explain reviewer-1"],
  async run(invocation, { thread, agent }) {
    const input = agent === undefined ? { agent_id: thread } : { agent_id: agent, thread_id: thread };
    invocation.show(await invocation.call("explain", input), explanationText);
  },
});
