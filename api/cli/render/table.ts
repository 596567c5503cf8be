import { paint, type Paper, type Tone } from "./paper.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { clip, widthOf } from "./width.ts";

export interface Cell {
  text: string;
  tone: Tone;
}

export interface Column<Row> {
  title: string;
  of: (row: Row) => string | number | null | Cell;
  /** Widest that it may get. Default: 40. */
  most?: number;
  align?: "right";
}

const gap = "  ";
const defaultMost = 40;
const narrowest = 8;

/** Aligned columns under their titles; `nothing` where there are no rows. Cells are made printable here. */
export function table<Row>(
  paper: Paper,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  nothing: string,
): string {
  if (rows.length === 0) return `${nothing}\n`;
  const cells = rows.map((row) => columns.map(({ of, most = defaultMost }) => cellOf(of(row), most)));
  const widths = fitted(
    columns.map(({ title }, index) =>
      Math.max(widthOf(title), ...cells.map((line) => widthOf(line[index]?.text ?? ""))),
    ),
    paper.columns,
  );
  const draw = (line: readonly Cell[]) => drawLine(paper, line, { columns, widths });
  const head = columns.map(({ title }) => ({ text: title, tone: "strong" as const }));
  return [head, ...cells].map((line) => `${draw(line)}\n`).join("");
}

/** Names and values, one line each. */
export function list(entries: readonly (readonly [string, string | number | null])[]): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries
    .map(([name, value]) => `${name.padEnd(width)}  ${value === null ? "-" : printableLine(String(value))}\n`)
    .join("");
}

function cellOf(value: string | number | null | Cell, most: number): Cell {
  if (value === null || value === "") return { text: "-", tone: "faint" };
  const { text, tone } = typeof value === "object" ? value : { text: String(value), tone: "plain" as const };
  return { text: clip(printableLine(text), most), tone };
}

/** The widest column gives way until the lines fit the terminal. */
function fitted(widths: readonly number[], columns: number): number[] {
  const result = [...widths];
  const total = result.reduce((sum, width) => sum + width, gap.length * (result.length - 1));
  const excess = columns > 0 ? Math.max(0, total - columns) : 0;
  for (let cut = 0; cut < excess; cut += 1) {
    const widest = result.indexOf(Math.max(...result));
    const width = result[widest] ?? 0;
    if (width <= narrowest) break;
    result[widest] = width - 1;
  }
  return result;
}

function drawLine<Row>(
  paper: Paper,
  line: readonly Cell[],
  { columns, widths }: { columns: readonly Column<Row>[]; widths: readonly number[] },
): string {
  const drawn = line.map(({ text, tone }, index) => {
    const width = widths[index] ?? 0;
    const shown = clip(text, width);
    const padding = " ".repeat(Math.max(0, width - widthOf(shown)));
    const painted = paint(paper, tone, shown);
    return columns[index]?.align === "right" ? padding + painted : painted + padding;
  });
  return drawn.join(gap).trimEnd();
}
