import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** One file of the repository: its path from the root, with forward slashes, and its text. */
export interface SourceFile {
  path: string;
  text: string;
}

export interface Import {
  /** As written: `zod`, `node:fs`, `../runtime/ports.ts`. */
  specifier: string;
  /** Path from the root for a relative import, else null. */
  target: string | null;
  /** Erased when the file runs: `import type …`, `export type … from`. */
  isTypeOnly: boolean;
}

export const PRODUCTION_FOLDERS = ["machines", "runtime", "persistence", "adapters", "api"] as const;

/** Files that git tracks, or would if they were added, and that exist. Binary files are left out. */
export function readRepository(root: string): SourceFile[] {
  const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const paths = new Set(listed.split("\0").filter((path) => path !== ""));
  return [...paths].flatMap((path) => {
    const text = readText(posix.join(root, path));
    return text === null || text.includes("\0") ? [] : [{ path, text }];
  });
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Deleted but still in git's index, or a link to a folder.
    return null;
  }
}

export function isTypeScript(file: SourceFile): boolean {
  return file.path.endsWith(".ts");
}

export function isProduction(file: SourceFile): boolean {
  return isTypeScript(file) && PRODUCTION_FOLDERS.some((folder) => file.path.startsWith(`${folder}/`));
}

const IMPORT =
  /^\s*(?:import|export)\b[^"'`;]*?\bfrom\s*["']([^"']+)["']|^\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gmu;

export function importsOf(file: SourceFile): Import[] {
  return [...withoutComments(file.text).matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? "";
    const isRelative = specifier.startsWith(".");
    const target = isRelative ? posix.normalize(posix.join(posix.dirname(file.path), specifier)) : null;
    return { specifier, target, isTypeOnly: /^\s*(?:import|export)\s+type\b/u.test(match[0]) };
  });
}

/** Strings and regular expressions come first, so that a `//` inside them is not taken for a comment. */
const STRING_OR_COMMENT =
  /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`|(?<=[=(,:[!&|?{};]\s*)\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/|\/\/[^\n]*|\/\*[\s\S]*?\*\//gu;

/** The text with every comment replaced by spaces; line numbers stay. */
function withoutComments(text: string): string {
  return text.replace(STRING_OR_COMMENT, (found) => (/^\/[/*]/u.test(found) ? blank(found) : found));
}

/** The text with comments and the contents of plain strings and regular expressions blanked: what is left is code. */
export function codeOf(text: string): string {
  return text.replace(STRING_OR_COMMENT, (found) => (found.startsWith("`") ? found : blank(found)));
}

function blank(text: string): string {
  return text.replace(/[^\n]/gu, " ");
}
