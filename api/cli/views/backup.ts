import type { z } from "zod";
import type { activityShape, backupShape, restoreShape } from "../answer-shapes.ts";
import { paint, type Paper } from "../render/paper.ts";
import { list, table } from "../render/table.ts";
import { durationText } from "../render/time.ts";

export type BackupReport = z.infer<typeof backupShape>;
export type RestoreReport = z.infer<typeof restoreShape>;
export type DatabaseActivity = z.infer<typeof activityShape>;

export function backupText({ file, bytes, made_at, workspace_id, tables, rows }: BackupReport): string {
  return list([
    ["file", `${file} (${bytes} bytes)`],
    ["workspace", workspace_id],
    ["as of", made_at],
    ["rows", `${rows} (${tables["message"] ?? 0} messages, ${tables["actor"] ?? 0} actors)`],
  ]);
}

export function restoreText(report: RestoreReport, paper: Paper): string {
  const { made_at, workspace_id, tables, rows, audit_checked: checked, audit_problems: problems } = report;
  const facts = list([
    ["workspace", workspace_id],
    ["as of", made_at],
    ["rows", `${rows} (${tables["message"] ?? 0} messages, ${tables["actor"] ?? 0} actors)`],
    ["audit", `${checked} links checked, ${problems.length} problems`],
  ]);
  const told = problems.map((problem) => `${paint(paper, "bad", "audit:")} ${problem}\n`).join("");
  return `${facts}${told}Next: rouse up\n`;
}

export function sessionTable({ sessions }: DatabaseActivity, paper: Paper): string {
  return table(
    paper,
    sessions,
    [
      { title: "PID", of: (session) => session.pid, align: "right" },
      { title: "PROGRAM", of: (session) => session.program },
      { title: "STATE", of: (session) => session.state },
      {
        title: "TRANSACTION",
        of: ({ transaction_ms: ms }) => (ms === null ? null : durationText(ms)),
        align: "right",
      },
      {
        title: "BLOCKS",
        of: ({ blocks }) => (blocks === 0 ? null : { text: String(blocks), tone: "bad" }),
        align: "right",
      },
      { title: "BLOCKED BY", of: ({ blocked_by: by }) => by.join(", ") },
      { title: "WAITS FOR", of: (session) => session.waits_for },
      { title: "STATEMENT", of: (session) => session.query, most: 60 },
    ],
    "No other sessions.",
  );
}
