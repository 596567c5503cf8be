import { readFileSync } from "node:fs";

/** In the repository two folders up, in the package, from dist, three. */
const places = ["../../package.json", "../../../package.json"];

export function packageVersion(): string {
  for (const place of places) {
    try {
      const text = readFileSync(new URL(place, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}
