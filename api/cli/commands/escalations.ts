import { Option } from "commander";
import { defineCommand } from "../command.ts";
import { cursor, limit, type Paged } from "../options.ts";
import { escalationTable } from "../views/evidence.ts";

export const escalations = defineCommand<Paged & { thread?: string }>({
  usage: "escalations",
  summary:
    "What was handed to a person: which thread or participant was blocked, when and why. Newest first.",
  remarks: "Unblock a thread with rouse thread unblock, a participant with rouse participant unblock.",
  options: [new Option("--thread <thread>", "only of this thread"), limit(), cursor()],
  async run(invocation, { thread, limit: rows, cursor: after }) {
    const input = { thread_id: thread, limit: rows, cursor: after };
    invocation.show(await invocation.call("list_escalations", input), escalationTable);
  },
});
