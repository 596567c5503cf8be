import { closeSync, openSync, writeSync } from "node:fs";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { csvHeading, csvLine } from "../audit/csv.ts";
import { VerificationReport, type Verification } from "../audit/verification.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { cursor, limit, moment, type Paged } from "../options.ts";
import type { AuditEntry } from "../payloads.ts";
import { auditHeadPage, auditPage, auditTable, verificationText } from "../views/audit.ts";

interface Filter {
  actor?: string;
  operation?: string;
  subject?: string;
  outcome?: string;
  code?: string;
  request?: string;
  since?: string;
  until?: string;
}

const filters = () => [
  new Option("--actor <agent>", "only what this agent did"),
  new Option("--operation <name>", "only this operation, for instance post_message"),
  new Option("--subject <subject>", "only about this, for instance thread/th-1"),
  new Option("--outcome <outcome>", "only these").choices(["done", "refused"]),
  new Option("--code <code>", "only refusals with this code"),
  new Option("--request <id>", "only of this request"),
  moment("--since <time>", "not before: a time such as 2026-01-31T08:00Z, or so long ago, such as 2h"),
  moment("--until <time>", "before: likewise"),
];

function inputOf({ request, since, until, ...rest }: Filter, now: number) {
  const { actor, operation, subject, outcome, code } = rest;
  const times = { since: isoAt(since, now), until: isoAt(until, now) };
  return { actor, operation, subject, outcome, code, request_id: request, ...times };
}

/** `moment` left an age as milliseconds. */
function isoAt(given: string | undefined, now: number): string | undefined {
  if (given === undefined) return undefined;
  return /^\d+$/.test(given) ? new Date(now - Number(given)).toISOString() : given;
}

const list = defineCommand<Paged & Filter>({
  usage: "list",
  isDefault: true,
  summary: "Who changed what and why, and what was refused. Newest first.",
  options: [...filters(), limit(), cursor()],
  examples: ["audit list --outcome refused --since 1h", "audit list --subject participant/th-1.dev-1"],
  async run(invocation, { limit: rows, cursor: after, ...filter }) {
    const input = { ...inputOf(filter, invocation.surroundings.now()), limit: rows, cursor: after };
    invocation.show(await invocation.call("list_audit", input), auditTable);
  },
});

const show = defineCommand<{ id: string }>({
  usage: "show <id>",
  summary: "One row: what changed from what to what, and its place in the chain.",
  arguments: { id: "audit id, as list shows it" },
  async run(invocation, { id }) {
    invocation.show(await invocation.call("get_audit_entry", { audit_id: id }), auditPage);
  },
});

const exportRows = defineCommand<Filter & { format: "jsonl" | "csv"; output?: string }>({
  usage: "export",
  summary: "Write all rows, in the order of the chain, to standard output or a file.",
  remarks:
    "Rows of the last second may not be sealed yet and are left out; how many is said at the end. JSON lines carry everything that rouse audit verify --file needs.",
  options: [
    ...filters(),
    new Option("--format <format>", "jsonl for checking and programs, csv for spreadsheets")
      .choices(["jsonl", "csv"])
      .default("jsonl"),
    new Option("--output <file>", "write there instead; it must not exist yet"),
  ],
  examples: ["audit export > audit.jsonl", "audit export --format csv --since 30d --output month.csv"],
  async run(invocation, { format, output, ...filter }) {
    const { surroundings } = invocation;
    const target = output === undefined ? null : openNew(output);
    const write = (text: string) => (target === null ? surroundings.out(text) : void writeSync(target, text));
    try {
      const input = inputOf(filter, surroundings.now());
      if (format === "csv") write(csvHeading);
      const rows = await exportPages(invocation, input, (entries) =>
        write(entries.map(format === "csv" ? csvLine : jsonLine).join("")),
      );
      const { unsealed } = await invocation.call("get_audit_head");
      const waiting = unsealed === 0 ? "" : ` ${unsealed} not sealed yet were left out.`;
      surroundings.err(`Exported ${rows} rows.${waiting}\n`);
    } finally {
      if (target !== null) closeSync(target);
    }
  },
});

const exportPageSize = 1_000;

async function exportPages(
  invocation: Invocation,
  input: object,
  write: (entries: readonly AuditEntry[]) => void,
): Promise<number> {
  let rows = 0;
  let after: string | undefined;
  do {
    const request = { ...input, order: "chain", limit: exportPageSize, cursor: after };
    const { entries, next_cursor: next } = await invocation.call("list_audit", request);
    write(entries);
    rows += entries.length;
    after = next ?? undefined;
    if (after !== undefined) invocation.surroundings.err(`${rows} rows …\n`);
  } while (after !== undefined);
  return rows;
}

function jsonLine(entry: AuditEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

/** An export is evidence: none is written over. */
function openNew(path: string): number {
  try {
    return openSync(path, "wx", 0o600);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RouseError("invalid_input", `cannot write ${path}: ${reason}`, {
      nextStep: "Name a file that does not exist yet, in a folder that you may write to.",
      cause,
    });
  }
}

const head = defineCommand<Record<string, never>>({
  usage: "head",
  summary: "The end of the chain. Keep it elsewhere: it shows later whether rows were cut off or rewritten.",
  examples: ["audit head --json >> /mnt/elsewhere/anchors.jsonl"],
  async run(invocation) {
    invocation.show(await invocation.call("get_audit_head"), auditHeadPage);
  },
});

const verify = defineCommand<{ anchor?: string; from?: string; file?: string }>({
  usage: "verify",
  summary: "Recompute the chain of hashes, and name the first row that was changed, removed or put there.",
  remarks: "Exit code 0: the chain holds, 1: it does not.",
  options: [
    new Option("--anchor <hash>", "HASH or SEQ:HASH that was kept elsewhere: is it still in the chain?"),
    new Option("--from <checkpoint>", "begin after this SEQ:HASH, the checkpoint of an earlier check"),
    new Option("--file <file>", "check an export in JSON lines instead; needs no node").conflicts("from"),
  ],
  examples: ["audit verify", "audit verify --anchor 1042:9f3c…", "audit verify --file audit.jsonl"],
  async run(invocation, { anchor, from, file }) {
    const onProgress = (checked: number) => invocation.surroundings.err(`${checked} rows …\n`);
    const verification =
      file === undefined
        ? await verifyByNode(invocation, { anchor, from }, onProgress)
        : await (await import("../audit/verify-file.ts")).verifyFile(file, { anchor, onProgress });
    invocation.show(verification, verificationText);
    if (!verification.holds) process.exitCode = 1;
  },
});

async function verifyByNode(
  invocation: Invocation,
  input: { anchor: string | undefined; from: string | undefined },
  onProgress: (checked: number) => void,
): Promise<Verification> {
  const report = new VerificationReport(input.anchor);
  let after: string | undefined;
  do {
    const part = await invocation.call("verify_audit", { ...input, cursor: after });
    const { checked, checkpoint, problems, unsealed: rows, oldest_unsealed_at: oldestAt } = part;
    const unsealed = { rows, oldest_at: oldestAt };
    report.add({ checked, checkpoint, problems, unsealed, isAnchorFound: part.anchor_found });
    after = part.next_cursor ?? undefined;
    if (after !== undefined && part.checked > 0 && part.head_seq > report.parts.checked)
      onProgress(report.parts.checked);
  } while (after !== undefined);
  return report.end();
}

export const auditGroup: CommandGroup = {
  name: "audit",
  summary: "Who changed what and why, and the proof that nobody rewrote it.",
  commands: [list, show, exportRows, head, verify],
};
