import { Option } from "commander";
import { homeOf } from "../../config.ts";
import { defineCommand } from "../command.ts";
import { findRunningNode } from "../node-process.ts";
import { stopDatabase, stopNode } from "../node-stop.ts";
import { durationMs } from "../options.ts";

const defaultTimeoutMs = 30_000;

export const down = defineCommand<{ keepDatabase?: boolean; timeout?: number }>({
  usage: "down",
  summary: "Let the node finish what it does and end it, then stop its database.",
  remarks: "Agents go on living in their terminals; the next rouse up finds them again.",
  options: [
    new Option("--keep-database", "leave the embedded database running"),
    new Option("--timeout <time>", "how long to wait for the node, default 30s").argParser(durationMs),
  ],
  async run(invocation, { keepDatabase, timeout }) {
    const { environment } = invocation.surroundings;
    const node = findRunningNode(homeOf(environment));
    if (node !== null) await stopNode(node, timeout ?? defaultTimeoutMs);
    // Also without a node: after kill -9 of the node the database is still there.
    if (keepDatabase !== true) await stopDatabase(environment);
    const report = { stopped: node !== null, pid: node?.pid ?? null, database_kept: keepDatabase === true };
    invocation.show(report, ({ stopped, pid, database_kept: kept }) => {
      const first = stopped ? `The node (pid ${String(pid)}) has ended.` : "No node is running.";
      return `${first}${kept ? "" : " Its database is stopped."}\n`;
    });
  },
});
