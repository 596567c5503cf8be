import { Option } from "commander";
import type { EventOptions } from "../../client/follow-events.ts";
import type { EventType } from "../../client/types.ts";
import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { cursor, limit, type Paged } from "../options.ts";
import { requestEvents } from "../request.ts";
import { eventLine, eventTable } from "../views/events.ts";

interface Given extends Paged {
  follow?: boolean;
  thread?: string;
  agent?: string;
  types?: string;
  after?: string;
}

export const events = defineCommand<Given>({
  usage: "events",
  summary: "What happened: threads, messages, attention, wakes, runtimes, escalations. Oldest first.",
  remarks:
    "With --follow, also what happens from now on, until it is interrupted; with --json one event per line.",
  options: [
    new Option("--follow", "go on with what happens, over restarts of the node"),
    new Option("--thread <thread>", "only of this thread"),
    new Option("--agent <agent>", "only about this agent"),
    new Option("--types <types>", "only of these types, divided by commas"),
    new Option("--after <event>", "after this event; 0 is the beginning; with --follow default: now"),
    limit(),
    cursor(),
  ],
  examples: ["events --thread th-1", "events --follow --types message.posted,thread.status_changed"],
  async run(invocation, given) {
    if (given.follow === true) return follow(invocation, given);
    const { thread, agent, types, after, limit: rows, cursor: from } = given;
    const input = { thread_id: thread, agent_id: agent, types, after, limit: rows, cursor: from };
    invocation.show(await invocation.call("list_events", input), eventTable);
  },
});

async function follow(
  { connection, surroundings, isJson }: Invocation,
  { thread, agent, types, after }: Given,
): Promise<void> {
  const options: EventOptions = {
    ...(thread === undefined ? {} : { threadId: thread }),
    ...(agent === undefined ? {} : { agentId: agent }),
    // The node knows which there are.
    ...(types === undefined ? {} : { types: types.split(",") as EventType[] }),
    ...(after === undefined ? {} : { after }),
  };
  for await (const event of requestEvents(connection, options)) {
    surroundings.out(isJson ? `${JSON.stringify(event)}\n` : eventLine(event));
  }
}
