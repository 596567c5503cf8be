import type { AuditEntry } from "../payloads.ts";

/** For spreadsheets. Not for checking hashes: cells are text, and some are disarmed. */
const columns = [
  ...["seq", "audit_id", "at", "actor", "role", "operation", "subject", "outcome", "code", "reason"],
  ...["details", "changes", "request_id", "sealed_at", "previous_hash", "hash"],
] as const satisfies (keyof AuditEntry)[];

export const csvHeading = `${columns.join(",")}\r\n`;

/** RFC 4180. */
export function csvLine(entry: AuditEntry): string {
  return `${columns.map((column) => cell(entry[column])).join(",")}\r\n`;
}

function cell(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // A spreadsheet would run these as formulas, and agents write the reasons.
  const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
