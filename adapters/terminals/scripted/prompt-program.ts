/**
 * A small interactive program as a pure model: an input box, and lines it answers. The scripted terminal runs it in memory,
 * tests run it in a real terminal; both show the same screens.
 *
 * Submitted lines that begin with `/` are orders: `/busy`, `/idle`, `/dialog permission`, `/limited`, `/strange`, `/deaf 1`
 * (ignores that many Enters), `/title TEXT`, `/env NAME`, `/cwd`, `/exit 3`. Anything else is answered with `> TEXT`.
 */
import { agentPatterns, type AgentPatterns } from "../patterns.ts";

export interface StyledText {
  text: string;
  dim: boolean;
}

export interface PromptFrame {
  lines: StyledText[][];
  cursor: { row: number; column: number };
  title: string;
}

export interface PromptSurroundings {
  cwd: string;
  env: Readonly<Record<string, string>>;
}

type Mode = "idle" | "busy" | "dialog" | "limited" | "strange";

const maxAnswers = 12;
const wrapAt = 60;

export const promptPatterns: AgentPatterns = agentPatterns.parse({
  prompt: "^› (.*)$",
  boxEnd: "^\\? for shortcuts$",
  busy: "^• Working \\(esc to interrupt\\)$",
  dialogs: [
    { kind: "permission", pattern: "^Do you want to proceed\\? \\(permission\\)$" },
    { kind: "trust", pattern: "^Do you want to proceed\\? \\(trust\\)$" },
  ],
  limited: "^Usage limit reached$",
});

export class PromptProgram {
  readonly #surroundings: PromptSurroundings;
  #mode: Mode = "idle";
  #dialog = "permission";
  #box = "";
  #deafFor = 0;
  #title = "prompt program";
  #answers: string[] = [];
  exitCode: number | null = null;

  constructor(surroundings: PromptSurroundings) {
    this.#surroundings = surroundings;
  }

  /** Typed or pasted text. In a dialog every key is an answer. */
  type(text: string): void {
    if (this.#mode === "dialog") this.#mode = "idle";
    else this.#box += text;
  }

  erase(): void {
    this.#box = this.#box.slice(0, -1);
  }

  pressEnter(): void {
    if (this.#mode === "dialog") {
      this.#mode = "idle";
      this.#answer("dialog answered");
      return;
    }
    if (this.#deafFor > 0) {
      this.#deafFor -= 1;
      return;
    }
    const line = this.#box;
    this.#box = "";
    if (line.startsWith("/")) this.#obey(line.slice(1));
    else if (line !== "") this.#answer(`> ${line}`);
  }

  frame(): PromptFrame {
    const lines = [plain("prompt program"), ...this.#answers.map(plain), ...this.#modeLines()];
    if (this.#mode === "dialog" || this.#mode === "strange") {
      return { lines, cursor: { row: lines.length - 1, column: 0 }, title: this.#title };
    }
    const box = wrap(this.#box);
    const last = box.at(-1) ?? "";
    box.forEach((text, index) => lines.push(this.#boxLine(text, index)));
    const cursor = { row: lines.length - 1, column: 2 + last.length };
    lines.push(plain("? for shortcuts"));
    return { lines, cursor, title: this.#title };
  }

  #boxLine(text: string, index: number): StyledText[] {
    if (this.#box === "") return [...plain("› "), { text: "Ask anything", dim: true }];
    return plain(`${index === 0 ? "› " : "  "}${text}`);
  }

  #modeLines(): StyledText[][] {
    if (this.#mode === "busy") return [plain("• Working (esc to interrupt)")];
    if (this.#mode === "dialog")
      return [plain(`Do you want to proceed? (${this.#dialog})`), plain("1. Yes  2. No")];
    if (this.#mode === "limited") return [plain("Usage limit reached")];
    return this.#mode === "strange" ? [plain("something nobody has seen before")] : [];
  }

  #obey(order: string): void {
    const [name = "", ...rest] = order.split(" ");
    const argument = rest.join(" ");
    if (name === "busy" || name === "idle" || name === "limited" || name === "strange") this.#mode = name;
    else if (name === "dialog") this.#openDialog(argument);
    else if (name === "deaf") this.#deafFor = Number(argument);
    else if (name === "title") this.#title = argument;
    else if (name === "env") this.#answer(`${argument}=${this.#surroundings.env[argument] ?? "(absent)"}`);
    else if (name === "cwd") this.#answer(`cwd=${this.#surroundings.cwd}`);
    else if (name === "exit") this.exitCode = Number(argument);
    else this.#answer(`no such order: ${name}`);
  }

  #openDialog(kind: string): void {
    this.#mode = "dialog";
    this.#dialog = kind;
  }

  #answer(line: string): void {
    this.#answers = [...this.#answers, line].slice(-maxAnswers);
  }
}

function plain(text: string): StyledText[] {
  return [{ text, dim: false }];
}

function wrap(text: string): string[] {
  const characters = Array.from(text);
  const lines: string[] = [];
  for (let from = 0; from === 0 || from < characters.length; from += wrapAt) {
    lines.push(characters.slice(from, from + wrapAt).join(""));
  }
  return lines;
}
