import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { requestReadiness } from "../request.ts";
import { statusPage, type StatusReport } from "../views/status.ts";

const pageSize = 100;
/** A glance, not a report: what is beyond is shown as "more". */
const mostPages = 10;

export const status = defineCommand<Record<string, never>>({
  usage: "status",
  summary: "Node, database, threads, runtimes, blocked participants and dead letters at a glance.",
  async run(invocation) {
    invocation.show(await report(invocation), statusPage);
  },
});

async function report(invocation: Invocation): Promise<StatusReport> {
  const { url, node } = invocation.connection;
  const [database, workspace, runtimes, blocked, letters, quarantined] = await Promise.all([
    requestReadiness(invocation.connection),
    invocation.call("get_status"),
    invocation.call("list_runtimes", { limit: pageSize }),
    blockedParticipants(invocation),
    invocation.call("list_dead_letters", { status: "open", limit: 10 }),
    invocation.call("list_quarantined", { limit: 10 }),
  ]);
  return {
    url,
    node,
    database,
    workspace,
    runtimes: runtimes.runtimes,
    blocked,
    dead_letters: letters.dead_letters,
    quarantined: quarantined.actors,
  };
}

/** The node filters page by page, so that a page may be empty and yet not the last. */
async function blockedParticipants(invocation: Invocation): Promise<StatusReport["blocked"]> {
  const found: StatusReport["blocked"] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const input: Record<string, unknown> = { attention: "blocked", limit: pageSize };
    if (cursor !== null) input["cursor"] = cursor;
    const answer = await invocation.call("list_participants", input);
    found.push(...answer.participants);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return found;
}
