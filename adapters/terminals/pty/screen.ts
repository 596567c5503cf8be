/** The rendered screen of a program, on a headless terminal emulator. */
import xterm from "@xterm/headless";
import type { IBufferCell, Terminal as Emulator } from "@xterm/headless";
import { paintRow } from "./paint.ts";

export interface ScreenText {
  lines: string[];
  solidLines: string[];
  cursor: { row: number; column: number };
}

export class Screen {
  readonly #emulator: Emulator;
  #title = "";

  /** `onReply`: answers of the emulator to the program's questions, to be written to the program. */
  constructor(size: { columns: number; rows: number }, onReply: (data: string) => void) {
    this.#emulator = new xterm.Terminal({
      cols: size.columns,
      rows: size.rows,
      scrollback: 1_000,
      allowProposedApi: true,
    });
    this.#emulator.onTitleChange((title) => (this.#title = title));
    this.#emulator.onData(onReply);
  }

  get title(): string {
    return this.#title;
  }

  get bracketedPaste(): boolean {
    return this.#emulator.modes.bracketedPasteMode;
  }

  get applicationCursorKeys(): boolean {
    return this.#emulator.modes.applicationCursorKeysMode;
  }

  /** Parsing is asynchronous: resolves once the text is on the screen. */
  write(data: string): Promise<void> {
    return new Promise((resolve) => this.#emulator.write(data, resolve));
  }

  resize(columns: number, rows: number): void {
    this.#emulator.resize(columns, rows);
  }

  read(): ScreenText {
    const { buffer, rows } = this.#emulator;
    const { baseY, cursorX, cursorY } = buffer.active;
    const text: ScreenText = { lines: [], solidLines: [], cursor: { row: cursorY, column: cursorX } };
    for (let row = 0; row < rows; row += 1) {
      const { line, solid } = this.#readRow(baseY + row);
      text.lines.push(line);
      text.solidLines.push(solid);
    }
    return text;
  }

  /** Escape sequences that show this screen, its cursor and its modes on another terminal. */
  paint(): string {
    const { buffer, rows, cols, modes } = this.#emulator;
    const painted: string[] = ["\x1b[0m\x1b[2J"];
    for (let row = 0; row < rows; row += 1) {
      const line = buffer.active.getLine(buffer.active.baseY + row);
      if (line !== undefined) painted.push(`\x1b[${row + 1};1H${paintRow(line, cols)}`);
    }
    painted.push(`\x1b[${buffer.active.cursorY + 1};${buffer.active.cursorX + 1}H`);
    if (modes.bracketedPasteMode) painted.push("\x1b[?2004h");
    if (modes.applicationCursorKeysMode) painted.push("\x1b[?1h");
    if (modes.sendFocusMode) painted.push("\x1b[?1004h");
    return painted.join("");
  }

  #readRow(row: number): { line: string; solid: string } {
    const cells = this.#emulator.buffer.active.getLine(row);
    let line = "";
    let solid = "";
    let cell: IBufferCell | undefined;
    for (let column = 0; column < (cells?.length ?? 0); column += 1) {
      cell = cells?.getCell(column, cell);
      // The second half of a wide character has width 0.
      if (cell === undefined || cell.getWidth() === 0) continue;
      const characters = cell.isInvisible() ? " " : cell.getChars() || " ";
      line += characters;
      solid += cell.isDim() ? " " : characters;
    }
    return { line: line.trimEnd(), solid: solid.trimEnd() };
  }
}
