import { type LowerPart, type Output, Painter, wrapLines } from "../face/painter.ts";

/** Draws the scripted agent like the real programs draw themselves: a growing transcript above, state and input box below. */

export type Dialog = "permission" | "trust" | "login" | "update";

export interface Face {
  isBusy: boolean;
  isLimited: boolean;
  dialog: Dialog | null;
  draft: string;
}

const placeholder = "Ask the scripted agent to do anything";
const footer = "  ? for shortcuts";

const dialogQuestions: Readonly<Record<Dialog, string>> = {
  permission: "Would you like to run the following command?",
  trust: "Trust this folder?",
  login: "Sign in to continue",
  update: "Update available",
};

/** What `Screen` draws, as data for the `generic` agent kind. */
export const scriptedPatterns = {
  prompt: "^› ?(.*)$",
  boxEnd: "^  \\? for shortcuts",
  busy: "^• Working \\(",
  limited: "^You have hit your usage limit",
  dialogs: [
    { kind: "permission" as const, pattern: "^Would you like to run the following command\\?" },
    { kind: "trust" as const, pattern: "^Trust this folder\\?" },
    { kind: "login" as const, pattern: "^Sign in to continue" },
    { kind: "update" as const, pattern: "^Update available" },
  ],
};

export class Screen {
  readonly #output: Output;
  readonly #painter: Painter;
  #face: Face = { isBusy: false, isLimited: false, dialog: null, draft: "" };

  constructor(output: Output) {
    this.#output = output;
    this.#painter = new Painter(output);
  }

  open(): void {
    this.#painter.open(this.#lowerPart());
  }

  close(): void {
    this.#painter.close();
  }

  show(change: Partial<Face>): void {
    this.#face = { ...this.#face, ...change };
    this.#painter.paint("", this.#lowerPart());
  }

  /** Adds lines to the transcript. */
  print(text: string): void {
    const lines = text.split("\n").map((line) => `- ${printable(line)}\r\n`);
    this.#painter.paint(lines.join(""), this.#lowerPart());
  }

  #lowerPart(): LowerPart {
    return lowerPart(this.#face, Math.max(20, this.#output.columns ?? 80));
  }
}

function lowerPart({ isBusy, isLimited, dialog, draft }: Face, columns: number): LowerPart {
  if (dialog !== null) {
    const rows = [dialogQuestions[dialog], "› 1. Yes, proceed (y)", "  2. No (n)"];
    return { rows, cursor: { row: 1, column: 0 } };
  }
  const notice = isBusy ? "• Working (esc to interrupt)" : isLimited ? "You have hit your usage limit" : "";
  const wrapped = draft === "" ? [] : wrapLines(printable(draft), columns - 3);
  const first = wrapped[0] ?? `\u001B[2m${placeholder}\u001B[22m`;
  const box = [`› ${first}`, ...wrapped.slice(1).map((line) => `  ${line}`)];
  const column = 2 + (wrapped.at(-1)?.length ?? 0);
  return { rows: [notice, ...box, footer], cursor: { row: box.length, column } };
}

/** Whatever was typed or read must not act on the terminal. */
function printable(text: string): string {
  return text.replaceAll(/(?!\n)\p{Cc}/gu, " ");
}
