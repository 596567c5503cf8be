import { Option } from "commander";
import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import type { JournalEntry } from "../payloads.ts";

interface Given {
  actor: string;
  machine?: string;
  all?: boolean;
}

export const replay = defineCommand<Given>({
  usage: "replay <actor>",
  summary: "Run an actor's history again: does it come out the same, and what would another chart have done?",
  remarks:
    "Without --machine: every step must come out as it was recorded. With it, the history also runs through the chart that the file exports. Other actors are not run: their mail comes as it came. Exit code 1: the history does not come out as it was recorded.",
  arguments: { actor: "kind/id, for instance participant/th-1.reviewer-1" },
  options: [
    new Option("--machine <file>", "file that exports the changed chart"),
    new Option("--all", "show every event, not only those that differ"),
  ],
  examples: [
    "replay participant/th-1.reviewer-1",
    "replay participant/th-1.reviewer-1 --machine machines/participant/machine.ts",
  ],
  async run(invocation, { actor, machine, all = false }) {
    const journal = await wholeJournal(invocation, actor);
    // Charts bring XState along: loaded by this command alone.
    const { replayJournal } = await import("../replay/run.ts");
    const { replayView } = await import("../replay/view.ts");
    const report = await replayJournal(actor, journal, machine ?? null);
    invocation.show(report, (shown, paper) => replayView(shown, { paper, all }));
    if (!report.faithful) process.exitCode = 1;
  },
});

async function wholeJournal(invocation: Invocation, actor: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await invocation.call("get_journal", { address: actor, limit: 100, cursor });
    entries.push(...page.entries);
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return entries;
}
