import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { RouseError } from "../../../runtime/errors.ts";
import { auditHash, type AuditRecord } from "../../../runtime/audit-chain.ts";
import type { AuditProblem } from "../payloads.ts";
import { VerificationReport, type Verification } from "./verification.ts";

type Line = AuditRecord & { hash: string };

/**
 * Recomputes an export without any node. Neighbours in the chain are held against each other; where a filter left rows
 * out, each row stands by its own hash alone. Throws `invalid_input` when there is no such file.
 */
export async function verifyFile(
  path: string,
  { anchor, onProgress }: { anchor: string | undefined; onProgress: (checked: number) => void },
): Promise<Verification> {
  const report = new VerificationReport(anchor);
  let last: Line | null = null;
  let number = 0;
  for await (const text of linesOf(path)) {
    number += 1;
    if (text.trim() === "") continue;
    const line = parsed(text);
    if (line === null) {
      const message = `line ${number} is no sealed row of an export`;
      report.add({ checked: 0, problems: [problem("changed", null, message)] });
      continue;
    }
    const isNext = last !== null && line.seq === last.seq + 1;
    report.add({
      checked: 1,
      checkpoint: `${line.seq}:${line.hash}`,
      problems: problemsOf(line, last),
      gaps: last === null || isNext ? 0 : 1,
      isAnchorFound: anchor === line.hash || anchor === `${line.seq}:${line.hash}`,
    });
    last = line;
    if (report.parts.checked % 10_000 === 0) onProgress(report.parts.checked);
  }
  return report.end();
}

function problemsOf(line: Line, last: Line | null): AuditProblem[] {
  const { hash, ...record } = line;
  if (auditHash(record) !== hash)
    return [problem("changed", line, `row ${line.seq} is not what was sealed: it was changed`)];
  if (last === null || line.seq > last.seq + 1) return [];
  if (line.seq <= last.seq)
    return [problem("changed", line, `row ${line.seq} stands behind row ${last.seq}: moved or doubled`)];
  if (line.previous_hash === last.hash) return [];
  return [
    problem("changed", line, `row ${line.seq} does not follow from row ${last.seq}: one was exchanged`),
  ];
}

function problem(kind: AuditProblem["kind"], line: Line | null, message: string): AuditProblem {
  return { kind, seq: line?.seq ?? null, audit_id: line?.audit_id ?? null, message };
}

function parsed(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Partial<Line> | null;
    const isSealed =
      typeof line?.seq === "number" &&
      typeof line.hash === "string" &&
      typeof line.previous_hash === "string";
    return isSealed ? (line as Line) : null;
  } catch {
    return null;
  }
}

async function* linesOf(path: string): AsyncGenerator<string> {
  const input = createReadStream(path, "utf8");
  const failed = new Promise<never>((_resolve, reject) => {
    input.once("error", (cause) => {
      const nextStep = "Name a file that rouse audit export --format jsonl wrote.";
      reject(new RouseError("invalid_input", `cannot read ${path}: ${cause.message}`, { nextStep, cause }));
    });
  });
  // Raced below; without a listener of its own a failure between two lines would end the process.
  failed.catch(() => undefined);
  const lines = createInterface({ input, crlfDelay: Infinity })[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await Promise.race([lines.next(), failed]);
    if (done === true) return;
    yield value;
  }
}
