/** An input box of programs of ours: reads raw key strokes like the real programs do. Pure but for its own state. */

export type BoxEvent = { type: "submitted"; text: string } | { type: "interrupted" } | { type: "changed" };

const escape = "\u001B";
const pasteStart = `${escape}[200~`;
const pasteEnd = `${escape}[201~`;
/** What follows the ESC of a key such as an arrow; nothing follows the Escape key itself. */
const escapeTail = /^(?:\[[0-?]*[ -/]*[@-~]|O.|[^[O])?/;

export class InputBox {
  text = "";
  readonly #enterGuardMs: number;
  #pending = "";
  #isPasting = false;
  #pastedAt = Number.NEGATIVE_INFINITY;

  /** Enter within `enterGuardMs` after a paste is dropped, as Codex does. */
  constructor({ enterGuardMs }: { enterGuardMs: number }) {
    this.#enterGuardMs = enterGuardMs;
  }

  feed(chunk: string, now: number): BoxEvent[] {
    const events: BoxEvent[] = [];
    let rest = this.#pending + chunk;
    this.#pending = "";
    while (rest !== "") {
      if (isPartial(rest, this.#isPasting ? pasteEnd : pasteStart)) {
        this.#pending = rest;
        break;
      }
      rest = this.#isPasting ? this.#readPaste(rest, now, events) : this.#readKey(rest, now, events);
    }
    return events;
  }

  #readPaste(input: string, now: number, events: BoxEvent[]): string {
    events.push({ type: "changed" });
    const end = input.indexOf(pasteEnd);
    if (end === -1) {
      // A marker cut in two by the read waits for its other half.
      const held = partialSuffix(input, pasteEnd);
      this.text += input.slice(0, input.length - held.length);
      this.#pending = held;
      return "";
    }
    this.text += input.slice(0, end);
    this.#isPasting = false;
    this.#pastedAt = now;
    return input.slice(end + pasteEnd.length);
  }

  #readKey(input: string, now: number, events: BoxEvent[]): string {
    if (input.startsWith(pasteStart)) {
      this.#isPasting = true;
      return input.slice(pasteStart.length);
    }
    if (input.startsWith(escape)) return input.slice(1).replace(escapeTail, "");
    const [key = ""] = input;
    const event = this.#press(key, now);
    if (event !== null) events.push(event);
    return input.slice(key.length);
  }

  #press(key: string, now: number): BoxEvent | null {
    switch (key) {
      case "\r": {
        if (now - this.#pastedAt < this.#enterGuardMs || this.text.trim() === "") return null;
        const { text } = this;
        this.text = "";
        return { type: "submitted", text };
      }
      case "\u0003":
        return { type: "interrupted" };
      case "\u0015":
        this.text = "";
        return { type: "changed" };
      case "\u007F":
        this.text = this.text.replace(/.$/su, "");
        return { type: "changed" };
      default:
        if (key < " " && key !== "\n" && key !== "\t") return null;
        this.text += key;
        return { type: "changed" };
    }
  }
}

/** A lone ESC is the Escape key, not the beginning of a marker. */
function isPartial(input: string, marker: string): boolean {
  return input.length > 1 && input.length < marker.length && marker.startsWith(input);
}

function partialSuffix(input: string, marker: string): string {
  for (let length = marker.length - 1; length > 0; length -= 1) {
    if (input.endsWith(marker.slice(0, length))) return marker.slice(0, length);
  }
  return "";
}
