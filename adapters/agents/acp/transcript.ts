import { sanitizeForTerminal, sanitizeLine } from "../../terminals/sanitize.ts";
import { textOf, type Update } from "./messages.ts";

/** Of one turn; what comes after it is left out of the terminal. The agent's own session keeps it. */
const mostTurnBytes = 256 * 1024;
const mostHeldBytes = 4 * 1024;
const mostTitleBytes = 300;

/** The conversation as plain lines, each with a sign of who speaks. Nothing in them can act on a terminal. */
export class Transcript {
  readonly #print: (text: string) => void;
  #held: { sign: string; text: string } | null = null;
  #left = mostTurnBytes;
  #tools = new Set<string>();

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  /** A turn begins. */
  prompt(text: string): void {
    this.flush();
    this.#left = mostTurnBytes;
    this.#tools = new Set();
    this.#say("> ", sanitizeForTerminal(text, { maxBytes: mostHeldBytes }));
  }

  /** A word of our own. */
  note(text: string): void {
    this.flush();
    this.#print(`! ${sanitizeLine(text, { maxBytes: 2_000 })}`);
  }

  update(update: Update): void {
    switch (update.sessionUpdate) {
      case "agent_message_chunk":
        return this.#stream("  ", textOf(update));
      case "agent_thought_chunk":
        return this.#stream("~ ", textOf(update));
      case "user_message_chunk":
        return this.#stream("> ", textOf(update));
      case "tool_call":
      case "tool_call_update":
        return this.#tool(update);
      case "plan":
        for (const { content, status } of update.entries ?? [])
          this.#line("- ", `${content}${status === "" ? "" : ` (${status})`}`);
    }
  }

  /** Shows what came of a line so far. */
  flush(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null && held.text !== "") this.#say(held.sign, held.text);
  }

  #tool({ toolCallId = "", title, status }: Update): void {
    const isNew = !this.#tools.has(toolCallId) && title !== undefined && title !== null;
    if (!isNew && status !== "failed") return;
    this.#tools.add(toolCallId);
    this.#line("* ", `${title ?? "a tool"}${status === "failed" ? ": failed" : ""}`);
  }

  #line(sign: string, text: string): void {
    this.flush();
    this.#say(sign, sanitizeLine(text, { maxBytes: mostTitleBytes }));
  }

  /** Whole lines as they come. */
  #stream(sign: string, chunk: string): void {
    if (this.#held?.sign !== sign) this.flush();
    const lines = (
      (this.#held?.text ?? "") +
      sanitizeForTerminal(chunk, { maxBytes: Math.min(mostTurnBytes, 4 * chunk.length) })
    ).split("\n");
    const rest = lines.pop() ?? "";
    this.#held = { sign, text: rest };
    if (lines.length > 0) this.#say(sign, lines.join("\n"));
    if (rest.length > mostHeldBytes) this.flush();
  }

  #say(sign: string, text: string): void {
    if (this.#left <= 0) return;
    const bytes = Buffer.byteLength(text) + 1;
    const isLast = bytes > this.#left;
    const shown = isLast ? sanitizeForTerminal(text, { maxBytes: this.#left }) : text;
    this.#left -= bytes;
    this.#print(
      shown
        .split("\n")
        .map((line) => `${sign}${line}`)
        .join("\n"),
    );
    if (isLast) this.#print("! more than fits here was left out");
  }
}
