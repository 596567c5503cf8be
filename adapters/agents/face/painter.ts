/** A growing transcript above, a part below it that is drawn anew at each change. */

export interface Output {
  write(text: string): unknown;
  readonly columns?: number;
  readonly rows?: number;
}

export interface LowerPart {
  /** May contain our own styles, but no line ends. */
  rows: readonly string[];
  cursor: { row: number; column: number };
}

export class Painter {
  readonly #output: Output;
  /** Rows between the top of the lower part and the cursor. */
  #cursorRow = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  open(lower: LowerPart): void {
    this.#output.write("\u001B[?2004h");
    this.paint("", lower);
  }

  /** Leaves the transcript with `lastWords` under it, and nothing of the lower part. */
  close(lastWords = ""): void {
    this.#output.write(`${this.#erase()}${lastWords}\u001B[?2004l\r\n`);
  }

  /** `transcript`: lines to add, each with its end. Rows that are too wide are cut off. */
  paint(transcript: string, { rows, cursor }: LowerPart): void {
    const back = rows.length - 1 - cursor.row;
    const place = `${back > 0 ? `\u001B[${back}A` : ""}\r${cursor.column > 0 ? `\u001B[${cursor.column}C` : ""}`;
    const erase = this.#erase();
    this.#cursorRow = cursor.row;
    // Without wrapping every row takes exactly one, however wide its characters are.
    this.#output.write(`${erase}${transcript}\u001B[?7l${rows.join("\r\n")}\u001B[?7h${place}`);
  }

  #erase(): string {
    return `\r${this.#cursorRow > 0 ? `\u001B[${this.#cursorRow}A` : ""}\u001B[J`;
  }
}

/** Lines of at most `columns`; what is not plain ASCII may be two columns wide. */
export function wrapLines(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => wrapLine(line, columns));
}

/** Columns that it takes at most. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += columnsOf(character);
  return width;
}

function columnsOf(character: string): number {
  return character < "\u007F" ? 1 : 2;
}

function wrapLine(line: string, columns: number): string[] {
  const rows: string[] = [];
  let row = "";
  let width = 0;
  for (const character of line.replaceAll("\t", "    ")) {
    const own = columnsOf(character);
    if (width + own > columns) {
      rows.push(row);
      row = "";
      width = 0;
    }
    row += character;
    width += own;
  }
  return [...rows, row];
}
