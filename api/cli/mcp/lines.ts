import type { Readable } from "node:stream";

/** Gives each line away until the input ends. Unlike in `readline` only LF ends one: a JSON text may hold U+2028 as it is. */
export function takeLines(input: Readable, take: (line: string) => void): Promise<void> {
  let rest = "";
  input.setEncoding("utf8");
  input.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(line);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const end of ["end", "close", "error"] as const) input.once(end, () => resolve());
  return promise;
}
