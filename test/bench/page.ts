import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The benchmark document; sections that a run writes stand between marks. */

const page = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));

export function readPage(): string {
  return readFileSync(page, "utf8");
}

export function writePage(text: string): void {
  writeFileSync(page, text);
}

/** The page with `section` between the marks of this benchmark. */
export function replaceSection(text: string, benchmark: string, section: string): string {
  const begin = `<!-- ${benchmark}: written by \`npm run bench -- ${benchmark} --write-docs\` -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(`<!-- ${benchmark}: end -->`);
  if (from < 0 || to < from)
    throw new Error(`docs/benchmarks.md has lost the marks of the section ${benchmark}`);
  return `${text.slice(0, from + begin.length)}\n\n${section}\n\n${text.slice(to)}`;
}
