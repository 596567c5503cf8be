import type { Screen, Surroundings } from "../surroundings.ts";

const escape = "\u001b";
/** The alternate screen keeps what stood in the terminal before; no cursor blinks meanwhile. */
const enter = `${escape}[?1049h${escape}[?25l`;
const leave = `${escape}[?25h${escape}[?1049l`;
/** Terminals that know it show the frame at once; others ignore it. */
const beginFrame = `${escape}[?2026h${escape}[H`;
const endFrame = `${escape}[J${escape}[?2026l`;

export type Watching = Pick<Surroundings, "out"> & { screen: Screen; everyMs: number };

/** Draws what `look` returns again and again, over itself and never from an empty screen. Ends with q or Ctrl-C. */
export async function watch({ out, screen, everyMs }: Watching, look: () => Promise<string>): Promise<void> {
  const ending = new AbortController();
  let wakeUp: (() => void) | null = null;
  const endKeys = screen.onKey((key) => {
    if (key.includes("q") || key.includes("\u0003")) ending.abort();
    wakeUp?.();
  });
  const endResize = screen.onResize(() => wakeUp?.());
  out(enter);
  try {
    while (!ending.signal.aborted) {
      const text = await look();
      if (ending.signal.aborted) break;
      out(frame(text, screen.size().rows));
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    out(leave);
    endResize();
    endKeys();
  }
}

/** Each line is cleared to its end after it was written, so that nothing goes dark in between. */
export function frame(text: string, rows: number): string {
  const lines = text.replace(/\n$/u, "").split("\n").slice(0, Math.max(1, rows));
  return `${beginFrame}${lines.map((line) => `${line}${escape}[K`).join("\r\n")}${endFrame}`;
}
