import { startEmbedded } from "../../persistence/embedded/server.ts";
import { endSession, listSessions } from "../../persistence/postgres/backup/activity.ts";
import {
  restoreBackup,
  type RestoreReport,
  type RestoreRequest,
} from "../../persistence/postgres/backup/restore.ts";
import { writeBackup } from "../../persistence/postgres/backup/write.ts";
import { connect } from "../../persistence/postgres/connect.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { NewAuditEntry } from "../../runtime/domain.ts";
import type { Config } from "../config.ts";
import { embeddedFolder } from "./database.ts";

interface Maintaining {
  config: Config;
  onProgress: (step: string) => void;
}

/** Runs one piece of work on the configured database, which is started when it is ours. Returns what is told about it. */
export async function runMaintenance(
  name: string,
  args: readonly string[],
  { config, onProgress }: Maintaining,
): Promise<object> {
  const url = await databaseUrl(config, onProgress);
  const [first = "", second = ""] = args;
  const workspaceId = config.workspace;
  switch (name) {
    case "backup":
      return writeBackup({ url, workspaceId, file: first, onProgress });
    case "restore":
      return restore({ url, workspaceId, file: first, replace: second === "replace", onProgress });
    case "activity":
      return { sessions: await listSessions(url) };
    case "end-session":
      await endSession(url, Number(first));
      await record(url, workspaceId, {
        operation: "end_database_session",
        ...{ reason: second, details: { pid: first } },
      });
      return { pid: Number(first), ended: true };
    default:
      throw new Error(
        `unknown command ${name}: use serve, stop-database, backup, restore, activity or end-session`,
      );
  }
}

async function databaseUrl(config: Config, onProgress: (step: string) => void): Promise<string> {
  // Not past a pooler: COPY and snapshots need a connection of their own.
  const given = config.databaseDirectUrl ?? config.databaseUrl;
  if (given !== undefined) return given;
  const { url } = await startEmbedded({ dir: embeddedFolder(config.home), onProgress });
  return url;
}

/** The row tells why tokens are refused that were good. */
async function restore(request: RestoreRequest): Promise<RestoreReport> {
  const { url, workspaceId } = request;
  const report = await restoreBackup(request);
  await record(url, workspaceId, {
    operation: "restore_backup",
    ...{ reason: null, details: { made_at: report.made_at, rows: report.rows } },
  });
  return report;
}

async function record(
  url: string,
  workspaceId: string,
  what: Pick<NewAuditEntry, "operation" | "reason" | "details">,
): Promise<void> {
  const database = connect({ url, max: 1, applicationName: "rouse-maintenance" });
  try {
    await createPostgresStore({ database, workspaceId }).transaction((tx) =>
      tx.appendAudit({
        ...{ actor: "operator", role: "operator", subject: "workspace", ...what },
        ...{ outcome: "done", code: null, changes: [], requestId: null },
      }),
    );
  } finally {
    await database.close();
  }
}
