/** Draws the conversation and, below it, what the host waits for; `acpScreens` reads it. */
import { sanitizeForTerminal, sanitizeLine } from "../../terminals/sanitize.ts";
import { type LowerPart, type Output, Painter, widthOf, wrapLines } from "../face/painter.ts";
import type { PermissionRequest } from "./messages.ts";

export interface Face {
  title: string;
  draft: string;
  /** What is being done, or null. */
  work: string | null;
  /** Why nothing is done, or null. */
  limit: string | null;
  permission: { request: PermissionRequest; chosen: number | null } | null;
  /** How to sign in, or null. */
  login: string | null;
}

/** As many options have a number key. */
export const mostOptions = 9;

const mostLineBytes = 1_000;
const fewestColumns = 20;

export class HostScreen {
  readonly #output: Output;
  readonly #painter: Painter;
  #face: Face = { title: "", draft: "", work: "starting", limit: null, permission: null, login: null };

  constructor(output: Output) {
    this.#output = output;
    this.#painter = new Painter(output);
  }

  open(): void {
    this.#painter.open(this.#lowerPart());
  }

  close(lastWords: string): void {
    // On one row, so that whoever reads the last line has all of it.
    this.#painter.close(wrapLines(oneLine(lastWords), this.#columns)[0]);
  }

  show(change: Partial<Face>): void {
    this.#face = { ...this.#face, ...change };
    this.#painter.paint("", this.#lowerPart());
  }

  /** Adds lines to the transcript; each begins with a sign of two characters, its continuations with blanks. */
  print(text: string): void {
    const lines = text.split("\n").flatMap((line) => {
      const [first = "", ...rest] = wrapLines(line, this.#columns - 2);
      return [first, ...rest.map((row) => `  ${row}`)];
    });
    this.#painter.paint(`${lines.join("\r\n")}\r\n`, this.#lowerPart());
  }

  get #columns(): number {
    return Math.max(fewestColumns, this.#output.columns ?? 80);
  }

  #lowerPart(): LowerPart {
    const { permission, login } = this.#face;
    if (permission !== null) return permissionPart(permission);
    if (login !== null)
      return dialogPart(["? The agent wants you to sign in", `  ${oneLine(login)}`, "  Enter tries again"]);
    return boxPart(this.#face, { columns: this.#columns, rows: this.#output.rows ?? 24 });
  }
}

function oneLine(text: string): string {
  return sanitizeLine(text, { maxBytes: mostLineBytes });
}

function dialogPart(rows: readonly string[]): LowerPart {
  return { rows, cursor: { row: rows.length - 1, column: 0 } };
}

function permissionPart({ request, chosen }: NonNullable<Face["permission"]>): LowerPart {
  const { toolCall, options } = request;
  const details = (toolCall.content ?? []).flatMap(({ content }) => content?.text?.split("\n") ?? []);
  return dialogPart([
    "? The agent asks for your permission",
    `  ${oneLine(toolCall.title ?? toolCall.name ?? "for a tool")}`,
    ...details.slice(0, 4).map((line) => `  ${oneLine(line)}`),
    ...options
      .slice(0, mostOptions)
      .map(({ name }, index) => `${chosen === index ? "→" : " "} ${index + 1}. ${oneLine(name)}`),
    "  A number chooses, Enter confirms, Esc cancels the turn",
  ]);
}

function boxPart(
  { title, draft, work, limit }: Face,
  { columns, rows }: { columns: number; rows: number },
): LowerPart {
  const notice = work === null ? (limit === null ? "" : `■ ${limit}`) : `• ${work}`;
  const wrapped =
    draft === "" ? [] : wrapLines(sanitizeForTerminal(draft, { maxBytes: 65_536 }), columns - 3);
  const shown = wrapped.slice(-Math.max(1, rows - 6));
  const first = shown[0] ?? "\u001B[2mType a prompt\u001B[22m";
  const box = [`› ${first}`, ...shown.slice(1).map((line) => `  ${line}`)];
  const footer = `  acp · ${oneLine(title)} · Esc cancels a turn, Ctrl-D ends`;
  const column = 2 + widthOf(shown.at(-1) ?? "");
  return {
    rows: [notice, ...box, footer],
    cursor: { row: box.length, column: Math.min(column, columns - 1) },
  };
}
