import type { IBufferCell, IBufferLine } from "@xterm/headless";

/** One row as text with SGR sequences; trailing blanks without a style are left out. Pure. */
export function paintRow(line: IBufferLine, columns: number): string {
  let painted = "";
  let style = "";
  let blanks = "";
  for (let column = 0; column < columns; column += 1) {
    const cell = line.getCell(column);
    if (cell === undefined || cell.getWidth() === 0) continue;
    const next = styleOf(cell);
    if (next === "" && style === "" && (cell.getChars() || " ") === " ") {
      blanks += " ";
      continue;
    }
    painted += blanks + (next === style ? "" : `\x1b[0m${next}`) + (cell.getChars() || " ");
    blanks = "";
    style = next;
  }
  return `${painted}\x1b[0m`;
}

function styleOf(cell: IBufferCell): string {
  const parameters = [
    cell.isBold() ? "1" : "",
    cell.isDim() ? "2" : "",
    cell.isItalic() ? "3" : "",
    cell.isUnderline() ? "4" : "",
    cell.isInverse() ? "7" : "",
    cell.isInvisible() ? "8" : "",
    colour("38", cell.getFgColor(), cell.isFgRGB(), cell.isFgPalette()),
    colour("48", cell.getBgColor(), cell.isBgRGB(), cell.isBgPalette()),
  ].filter((parameter) => parameter !== "");
  return parameters.length === 0 ? "" : `\x1b[${parameters.join(";")}m`;
}

function colour(kind: "38" | "48", value: number, isRgb: boolean, isPalette: boolean): string {
  if (isRgb) return `${kind};2;${(value >> 16) & 255};${(value >> 8) & 255};${value & 255}`;
  return isPalette ? `${kind};5;${value}` : "";
}
