import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { durationMs } from "../options.ts";
import type { Participant } from "../payloads.ts";
import { paperOf } from "../render/paper.ts";
import { watch } from "../render/watch.ts";
import { needOf, topPage, type TopReport } from "../views/top.ts";

const pageSize = 100;
/** A glance, not a report. */
const mostPages = 10;
const defaultEveryMs = 2_000;

export const top = defineCommand<{ watch?: boolean; every?: number }>({
  usage: "top",
  summary: "Threads, participants that need something first, runtimes, wakes under way, queue and nodes.",
  remarks:
    "With --watch it is drawn anew until q or Ctrl-C. Without a terminal, or with --json, it prints once.",
  options: [
    new Option("-w, --watch", "draw it anew as it changes"),
    new Option("--every <time>", "time between two looks, default 2s").argParser(durationMs),
  ],
  examples: ["top", "top --watch --every 1s"],
  async run(invocation, { watch: isWatched = false, every = defaultEveryMs }) {
    const { surroundings, isJson } = invocation;
    const { screen } = surroundings;
    if (!isWatched || isJson || screen === undefined) {
      invocation.show(await report(invocation), topPage);
      return;
    }
    await watch({ ...surroundings, screen, everyMs: every }, async () => {
      const { columns, rows } = screen.size();
      return topPage(await reportOrFailure(invocation), { ...paperOf(surroundings), columns }, rows);
    });
  },
});

/** A node that is away for a moment is part of what is watched. */
async function reportOrFailure(invocation: Invocation): Promise<TopReport | RouseError> {
  try {
    return await report(invocation);
  } catch (error) {
    if (error instanceof Error) return new RouseError("not_running", error.message);
    throw error;
  }
}

async function report(invocation: Invocation): Promise<TopReport> {
  const [workspace, participants, runtimes, wakes, nodes] = await Promise.all([
    invocation.call("get_status"),
    inNeed(invocation),
    invocation.call("list_runtimes", { limit: pageSize }),
    invocation.call("list_wakes", { limit: pageSize }),
    invocation.call("list_nodes"),
  ]);
  return {
    workspace,
    participants: participants.found,
    participants_complete: participants.isComplete,
    runtimes: runtimes.runtimes.filter(({ state }) => state !== "deregistered"),
    wakes: wakes.wakes.filter(({ closed_at: closedAt }) => closedAt === null),
    nodes: nodes.nodes,
    now: nodes.now,
  };
}

/** Those that are not at rest, who needs a person first. */
async function inNeed(invocation: Invocation): Promise<{ found: Participant[]; isComplete: boolean }> {
  const found: Participant[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const input: Record<string, unknown> = { limit: pageSize };
    if (cursor !== null) input["cursor"] = cursor;
    const answer = await invocation.call("list_participants", input);
    found.push(...answer.participants.filter((one) => needOf(one) !== null));
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  found.sort((a, b) => (needOf(a) ?? 0) - (needOf(b) ?? 0) || b.unread - a.unread);
  return { found, isComplete: cursor === null };
}
