import type { Result } from "./suite.ts";

/** Rows are scenarios, columns are kind and backend; reasons stand below. */
export function tableOf(results: readonly Result[]): string {
  const columns = [...new Set(results.map(columnOf))];
  const names = [...new Set(results.map(({ scenario }) => scenario))];
  const cells = names.map((name) => {
    const row = columns.map((column) => {
      const result = results.find((each) => each.scenario === name && columnOf(each) === column);
      return result === undefined ? "" : wordOf(result);
    });
    return [name, ...row];
  });
  const rows = [["scenario", ...columns], ...cells];
  const widths = rows[0]?.map((_, index) => Math.max(...rows.map((row) => row[index]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [...lines, "", ...reasonsOf(results)].join("\n").trimEnd();
}

function columnOf({ kind, backend }: Result): string {
  return `${kind}/${backend}`;
}

function wordOf({ outcome, ms, channels }: Result): string {
  return outcome === "pass" ? `pass ${(ms / 1_000).toFixed(1)} s: ${channels.join(", ")}` : outcome;
}

/** Each reason once, with everything that it holds for. */
function reasonsOf(results: readonly Result[]): string[] {
  const told = results.filter(({ reason }) => reason !== "");
  const byReason = Map.groupBy(told, ({ outcome, reason }) => `${outcome}: ${reason}`);
  return [...byReason].map(([reason, held]) => {
    return `${reason} (${held.map((each) => `${columnOf(each)} ${each.scenario}`).join(", ")})`;
  });
}

/** `unplayed`: no program, no terminal or no time. */
export function verdictOf(results: readonly Result[]): "passed" | "failed" | "unplayed" {
  if (results.some(({ outcome }) => outcome === "fail")) return "failed";
  return results.some(({ outcome }) => outcome === "pass") ? "passed" : "unplayed";
}
