import { paint, type Paper, type Tone } from "../render/paper.ts";
import { printableLine } from "../../../runtime/printable.ts";
import type { Line } from "./chronicle.ts";

/** Prints the play as it happens. */
export class Printer {
  readonly #paper: Paper;
  readonly #write: (text: string) => void;
  /** Epoch ms that the timeline counts from. */
  #startedAt = Date.now();

  constructor(paper: Paper, write: (text: string) => void) {
    this.#paper = paper;
    this.#write = write;
  }

  begin(): void {
    this.#startedAt = Date.now();
  }

  text(text: string, tone: Tone = "plain"): void {
    this.#write(`${paint(this.#paper, tone, text)}\n`);
  }

  line({ at, actor, what, tone }: Line): void {
    const seconds = ((at - this.#startedAt) / 1_000).toFixed(1).padStart(6);
    const time = paint(this.#paper, "faint", `${seconds} s`);
    const name = paint(this.#paper, tone === "faint" ? "faint" : "strong", actor.padEnd(11));
    this.#write(`${time}  ${name}  ${paint(this.#paper, toneOfText(tone), printableLine(what))}\n`);
  }
}

/** Bold names stand out; whole bold lines would not. */
function toneOfText(tone: Tone): Tone {
  return tone === "strong" ? "plain" : tone;
}
