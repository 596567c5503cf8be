import type { PromptFrame, StyledText } from "../../adapters/terminals/scripted/prompt-program.ts";
import type { ScriptedProgram } from "../../adapters/terminals/scripted/terminal.ts";

export type Mode = "starting" | "idle" | "busy" | "dialog" | "limited" | "strange";

/** An agent's program with the screens of the scripted terminal's patterns; the agent behind it decides what it shows. */
export class AgentProgram implements ScriptedProgram {
  mode: Mode = "starting";
  box = "";
  exitCode: number | null = null;
  /** So many Enters are swallowed. */
  deafFor = 0;
  readonly #onSubmit: (line: string) => void;

  constructor(onSubmit: (line: string) => void) {
    this.#onSubmit = onSubmit;
  }

  /** In a dialog every key is an answer. */
  type(text: string): void {
    if (this.mode === "dialog") this.mode = "idle";
    else this.box += text;
  }

  erase(): void {
    this.box = this.box.slice(0, -1);
  }

  pressEnter(): void {
    if (this.mode === "dialog") {
      this.mode = "idle";
    } else if (this.deafFor > 0) {
      this.deafFor -= 1;
    } else if (this.mode !== "starting" && this.mode !== "strange" && this.box !== "") {
      const line = this.box;
      this.box = "";
      this.#onSubmit(line);
    }
  }

  frame(): PromptFrame {
    const lines = [plain("agent"), ...this.#modeLines()];
    if (this.mode === "dialog" || this.mode === "strange" || this.mode === "starting") {
      return { lines, cursor: { row: lines.length - 1, column: 0 }, title: "agent" };
    }
    const box =
      this.box === "" ? [...plain("› "), { text: "Ask anything", dim: true }] : plain(`› ${this.box}`);
    const cursor = { row: lines.length, column: 2 + this.box.length };
    return { lines: [...lines, box, plain("? for shortcuts")], cursor, title: "agent" };
  }

  #modeLines(): StyledText[][] {
    if (this.mode === "busy") return [plain("• Working (esc to interrupt)")];
    if (this.mode === "dialog")
      return [plain("Do you want to proceed? (permission)"), plain("1. Yes  2. No")];
    if (this.mode === "limited") return [plain("Usage limit reached")];
    return this.mode === "strange" ? [plain("something nobody has seen before")] : [];
  }
}

function plain(text: string): StyledText[] {
  return [{ text, dim: false }];
}
