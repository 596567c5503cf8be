/**
 * A small interactive program as a pure model: an input box, and lines it answers. The scripted terminal runs it in memory,
 * tests run it in a real terminal; both show the same screens.
 *
 * Submitted lines that begin with `/` are orders: `/busy`, `/idle`, `/dialog permission`, `/limited`, `/strange`, `/deaf 1`
 * (ignores that many Enters), `/title TEXT`, `/env NAME`, `/cwd`, `/exit 3`. `/ask ONE|TWO` asks one question after the other,
 * answered by a number; `/menu TEXT` asks one whose options arrow keys and Enter choose. Anything else is answered with `> TEXT`.
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

type Mode = "idle" | "busy" | "dialog" | "ask" | "menu" | "limited" | "strange";

const choices = ["Yes", "No"] as const;

const maxAnswers = 12;
const wrapAt = 60;

const prompt = { begin: "^(?:Asked|Menu):$", end: "^Esc to cancel$" };

export const promptPatterns: AgentPatterns = agentPatterns.parse({
  prompt: "^› (.*)$",
  boxEnd: "^\\? for shortcuts$",
  busy: "^• Working \\(esc to interrupt\\)$",
  dialogs: [
    { kind: "permission", pattern: "^Do you want to proceed\\? \\(permission\\)$" },
    { kind: "trust", pattern: "^Do you want to proceed\\? \\(trust\\)$" },
    {
      kind: "permission",
      pattern: "^Asked:$",
      prompt: { ...prompt, option: "^(\\*| ) ([1-9])\\. (.*)$", press: "key", clipped: "^… more$" },
    },
    {
      kind: "trust",
      pattern: "^Menu:$",
      prompt: { ...prompt, option: "^(\\*| ) (\\S.*)$", press: "select" },
    },
  ],
  limited: "^Usage limit reached$",
});

export class PromptProgram {
  readonly #surroundings: PromptSurroundings;
  #mode: Mode = "idle";
  #dialog = "permission";
  #questions: string[] = [];
  #choice = 0;
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
    else if (this.#mode === "ask") this.#choose(Number(text) - 1);
    else if (this.#mode !== "menu") this.#box += text;
  }

  /** An arrow key. */
  move(by: -1 | 1): void {
    this.#choice = Math.min(Math.max(this.#choice + by, 0), choices.length - 1);
  }

  #choose(choice: number): void {
    const chosen = choices[choice];
    const [question, ...later] = this.#questions;
    if (chosen === undefined || question === undefined) return;
    this.#answer(`${question}: ${chosen}`);
    this.#questions = later;
    this.#choice = 0;
    if (later.length === 0) this.#mode = "idle";
  }

  erase(): void {
    this.#box = this.#box.slice(0, -1);
  }

  pressEnter(): void {
    if (this.#mode === "ask" || this.#mode === "menu") return this.#choose(this.#choice);
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
    if (["dialog", "ask", "menu", "strange"].includes(this.#mode)) {
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
    if (this.#mode === "ask" || this.#mode === "menu") return this.#questionLines().map(plain);
    if (this.#mode === "limited") return [plain("Usage limit reached")];
    return this.#mode === "strange" ? [plain("something nobody has seen before")] : [];
  }

  #questionLines(): string[] {
    const options = choices.map((choice, index) => {
      return `${index === this.#choice ? "*" : " "} ${this.#mode === "ask" ? `${index + 1}. ` : ""}${choice}`;
    });
    const head = this.#mode === "ask" ? "Asked:" : "Menu:";
    return [head, ...(this.#questions[0] ?? "").split("\\n"), "", ...options, "Esc to cancel"];
  }

  #obey(order: string): void {
    const [name = "", ...rest] = order.split(" ");
    const argument = rest.join(" ");
    if (name === "busy" || name === "idle" || name === "limited" || name === "strange") this.#mode = name;
    else if (name === "dialog") this.#openDialog(argument);
    else if (name === "ask" || name === "menu") this.#ask(name, argument.split("|"));
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

  #ask(mode: "ask" | "menu", questions: string[]): void {
    this.#mode = mode;
    this.#questions = questions;
    this.#choice = 0;
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
