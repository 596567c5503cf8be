import { resolve } from "node:path";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { homeOf } from "../../config.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import { maintain } from "../maintenance.ts";
import { findRunningNode } from "../node-process.ts";
import { integer, requiredReason } from "../options.ts";
import { backupText, restoreText, sessionTable } from "../views/backup.ts";
import type { BackupReport, DatabaseActivity, RestoreReport } from "../views/backup.ts";

export const backup = defineCommand<{ file: string }>({
  usage: "backup <file>",
  summary: "Write all rows of the workspace as of one moment into a new file, while everything goes on.",
  remarks:
    "Compressed and checksummed. It holds the keys that tokens are signed with: keep it as safe as the database itself.",
  examples: ["backup /var/backups/rouse-monday.gz"],
  async run(invocation, { file }) {
    const report = await maintain<BackupReport>(invocation, ["backup", resolve(file)]);
    invocation.show(report, backupText);
  },
});

export const restore = defineCommand<{ file: string; replace?: boolean }>({
  usage: "restore <file>",
  summary: "Bring a workspace back from a backup into an empty database: all of it, checked, or nothing.",
  remarks:
    "Counts, checksums, numbers of messages, journal and the audit's chain are checked before anything counts. End the node first. Exit code 1: restored, but the audit's chain was broken when the backup was made.",
  options: [new Option("--replace", "delete what the workspace has in the target")],
  async run(invocation, { file, replace = false }) {
    const running = findRunningNode(homeOf(invocation.surroundings.environment));
    if (running !== null) {
      throw new RouseError(
        "already_exists",
        `a node runs (pid ${running.pid}): nothing is restored under it`,
        {
          nextStep: "Run rouse down --keep-database, then repeat the command.",
        },
      );
    }
    const args = ["restore", resolve(file), ...(replace ? ["replace"] : [])];
    const report = await maintain<RestoreReport>(invocation, args);
    invocation.show(report, restoreText);
    if (report.audit_problems.length > 0) process.exitCode = 1;
  },
});

const activity = defineCommand<Record<string, never>>({
  usage: "activity",
  isDefault: true,
  summary: "Sessions of the database: how long their transactions run, and who waits for whom.",
  async run(invocation) {
    const report = await maintain<DatabaseActivity>(invocation, ["activity"]);
    invocation.show(report, sessionTable);
  },
});

const end = defineCommand<{ pid: number; reason: string }>({
  usage: "end <pid>",
  summary: "End a session of the database; its transaction is rolled back. Kept in the audit.",
  arguments: { pid: "as rouse database activity shows it" },
  options: [requiredReason()],
  async run(invocation, { pid, reason }) {
    const number = integer(1)(String(pid));
    const report = await maintain<{ pid: number; ended: true }>(invocation, [
      "end-session",
      String(number),
      reason,
    ]);
    invocation.show(report, () => `Session ${number} has ended.\n`);
  },
});

export const databaseGroup: CommandGroup = {
  name: "database",
  summary: "The database below, also when no node answers.",
  commands: [activity, end],
};
