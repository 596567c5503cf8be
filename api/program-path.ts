import { extname } from "node:path";
import { fileURLToPath } from "node:url";

/** A program of ours beside this folder, as source or as built: `./main` → `…/api/main.ts` or `…/api/main.js`. */
export function programPath(relative: string): string {
  return fileURLToPath(new URL(`${relative}${extname(import.meta.url)}`, import.meta.url));
}
