/** Reads what `capture-pane -p -e` prints: text with SGR sequences. Pure. */

export interface CapturedScreen {
  lines: string[];
  /** The same lines with dim text blanked out. */
  solidLines: string[];
}

interface Style {
  dim: boolean;
  lineDrawing: boolean;
}

// SGR, other CSI, OSC (hyperlinks since tmux 3.4), charset switches.
const sequence = /\x1b\[([\d;:]*)m|\x1b\[[\d;:?]*[A-Za-ln-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x0e|\x0f/g;

export function parseCapturedScreen(captured: string): CapturedScreen {
  const screen: CapturedScreen = { lines: [], solidLines: [] };
  // tmux does not repeat the style at the start of a line: it carries over.
  const style: Style = { dim: false, lineDrawing: false };
  for (const row of captured.replace(/\n$/, "").split("\n")) {
    const { text, solid } = parseRow(row, style);
    screen.lines.push(text.trimEnd());
    screen.solidLines.push(solid.trimEnd());
  }
  return screen;
}

function parseRow(row: string, style: Style): { text: string; solid: string } {
  let text = "";
  let solid = "";
  let from = 0;
  const append = (raw: string) => {
    const piece = style.lineDrawing ? drawLines(raw) : raw;
    text += piece;
    solid += style.dim ? " ".repeat(piece.length) : piece;
  };
  for (const match of row.matchAll(sequence)) {
    append(row.slice(from, match.index));
    from = match.index + match[0].length;
    applySequence(style, match);
  }
  append(row.slice(from));
  return { text, solid };
}

function applySequence(style: Style, match: RegExpExecArray): void {
  if (match[0] === "\x0e") style.lineDrawing = true;
  else if (match[0] === "\x0f") style.lineDrawing = false;
  else if (match[1] !== undefined) style.dim = isDimAfter(match[1], style.dim);
}

function isDimAfter(parameters: string, wasDim: boolean): boolean {
  const numbers = parameters.split(";");
  let isDim = wasDim;
  for (let index = 0; index < numbers.length; index += 1) {
    const number = numbers[index] ?? "";
    // A colour's arguments look like styles: 38;5;2 is green, not dim. The form with colons is one parameter.
    if (number === "38" || number === "48" || number === "58") index += numbers[index + 1] === "5" ? 2 : 4;
    else if (number === "2") isDim = true;
    else if (number === "22" || number === "0" || number === "") isDim = false;
  }
  return isDim;
}

const lineDrawing: Readonly<Record<string, string>> = {
  j: "┘",
  k: "┐",
  l: "┌",
  m: "└",
  n: "┼",
  q: "─",
  t: "├",
  u: "┤",
  v: "┴",
  w: "┬",
  x: "│",
};

function drawLines(text: string): string {
  return text.replace(/[j-x]/g, (letter) => lineDrawing[letter] ?? letter);
}
