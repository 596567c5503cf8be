import { readFileSync } from "node:fs";

export function packageVersion(): string {
  // The same relative place in the repository and, from dist/api/node, in the package.
  for (const candidate of ["../../package.json", "../../../package.json"]) {
    try {
      const { version } = JSON.parse(readFileSync(new URL(candidate, import.meta.url), "utf8")) as {
        version: string;
      };
      return version;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
  return "unknown";
}
