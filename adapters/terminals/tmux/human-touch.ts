/** When a person last touched the keyboard in a window. Remembered, because a client that detaches takes its time along. */
import type { Viewer } from "./look.ts";

export class HumanTouch {
  readonly #lastByWindow = new Map<string, number>();

  note(server: string, viewers: readonly Viewer[]): void {
    for (const { windowId, activeAtSeconds } of viewers) {
      const key = `${windowId}@${server}`;
      const last = this.#lastByWindow.get(key) ?? 0;
      this.#lastByWindow.set(key, Math.max(last, activeAtSeconds));
    }
  }

  /** tmux counts whole seconds, so the keystroke is taken to be at the end of its second. */
  idleMs(server: string, windowId: string, now: number): number | null {
    const seconds = this.#lastByWindow.get(`${windowId}@${server}`);
    return seconds === undefined ? null : Math.max(0, now - (seconds * 1_000 + 999));
  }

  forget(server: string, windowId: string): void {
    this.#lastByWindow.delete(`${windowId}@${server}`);
  }
}
