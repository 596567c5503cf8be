import { roles } from "../../machines/roles.ts";
import { errorCodes } from "../../runtime/errors.ts";
import { operations } from "./list.ts";
import type { Operation } from "./operation.ts";

/** The reference in docs/operations.md, as Markdown; a test keeps the file current. */
export function operationsReference(): string {
  return [
    "# Operations",
    "",
    "Generated from `api/operations`: change the definitions, then run `npx vitest run test/api/operations/reference.test.ts -u`.",
    "",
    "Each operation is a REST route, and an MCP tool of the same name for the roles that work with it. Every answer carries `schema_version`.",
    "Mutations take an idempotency key (`idempotency_key`, or the `Idempotency-Key` header): the same key with the same payload returns the first result.",
    "",
    ...table(
      ["operation", "what it does", "REST", ...roles],
      operations.map((operation) => row(operation)),
    ),
    "",
    "## Errors",
    "",
    "Refusals and failures have one shape on every surface: `code`, `message`, `next_step`, `retryable`, `details`, `request_id`.",
    "",
    ...table(
      ["code", "HTTP status", "CLI exit code", "retryable"],
      Object.entries(errorCodes).map(([code, { status, exit, retryable }]) => [
        `\`${code}\``,
        String(status),
        String(exit),
        retryable ? "yes" : "",
      ]),
    ),
    "",
  ].join("\n");
}

function row(operation: Operation): string[] {
  const { name, summary, http } = operation;
  const may = roles.map((role) => (operation.roles.includes(role) ? "yes" : ""));
  return [`\`${name}\``, summary, `\`${http.method} ${http.path}\``, ...may];
}

/** Aligned, as the formatter would write it. */
function table(heading: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [heading, ...rows].map((cells) => cells.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = heading.map((_, column) => Math.max(3, ...all.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  const [first = [], ...rest] = all;
  return [line(first), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rest.map(line)];
}
