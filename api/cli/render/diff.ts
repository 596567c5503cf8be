const mostCharacters = 200;

/**
 * The change of one file as `diff -U0` tells it, in one hunk: what stands around may be secret and is left out. Null: there
 * is no file. Long lines are cut.
 */
export function unifiedDiff(path: string, before: string | null, after: string | null): string {
  const [old, fresh] = [linesOf(before), linesOf(after)];
  const start = firstDifference(old, fresh);
  const most = Math.min(old.length, fresh.length) - start;
  const end = Math.min(most, firstDifference(old.toReversed(), fresh.toReversed()));
  const removed = old.slice(start, old.length - end);
  const added = fresh.slice(start, fresh.length - end);
  if (removed.length === 0 && added.length === 0) return "";
  return [
    `--- ${before === null ? "/dev/null" : path}\n`,
    `+++ ${after === null ? "/dev/null" : path}\n`,
    `@@ -${range(start, removed)} +${range(start, added)} @@\n`,
    ...removed.map((line) => `-${ended(line)}`),
    ...added.map((line) => `+${ended(line)}`),
  ].join("");
}

function linesOf(text: string | null): string[] {
  return text === null || text === "" ? [] : text.split(/(?<=\n)/);
}

function firstDifference(one: readonly string[], other: readonly string[]): number {
  const index = one.findIndex((line, number) => line !== other[number]);
  return index === -1 ? one.length : index;
}

/** A side without lines names the line before. */
function range(start: number, { length }: readonly string[]): string {
  return `${length === 0 ? start : start + 1},${length}`;
}

function ended(line: string): string {
  const text = line.replace(/\n$/, "");
  const shown = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
  return line.endsWith("\n") ? `${shown}\n` : `${shown}\n\\ No newline at end of file\n`;
}
