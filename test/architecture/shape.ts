import { codeOf, isProduction, isTypeScript, PRODUCTION_FOLDERS, type SourceFile } from "./source-file.ts";

const TOP_FOLDERS = new Set<string>([...PRODUCTION_FOLDERS, "test", "docs", ".ci"]);
const BANNED_NAMES = new Set([
  "util",
  "utils",
  "common",
  "helper",
  "helpers",
  "manager",
  "managers",
  "service",
  "services",
  "misc",
  "lib",
]);
const MAX_LINES = 300;

/** Production files that may be longer than 300 lines, each with the reason. Reviewed: adding one is a decision. */
const LONGER_FILES: Readonly<Record<string, string>> = {};

/** Places and hosts of one machine, which mean nothing on another. Put together so that this file does not name them. */
const LOCAL_TEXT = ["/wo" + "rk/", "/ro" + "ot/", "registry." + "npmjs"];

export function topFolderViolations(files: readonly SourceFile[]): string[] {
  const folders = new Set(
    files.filter(({ path }) => path.includes("/")).map(({ path }) => path.split("/", 1)[0] ?? ""),
  );
  return [...folders]
    .filter((folder) => !TOP_FOLDERS.has(folder))
    .map((folder) => `${folder}/: the top level is fixed`);
}

/** Folders and files named after nothing. */
export function nameViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const words = path
      .toLowerCase()
      .replace(/\.[a-z]+$/u, "")
      .split(/[/.-]/u);
    const banned = words.filter((word) => BANNED_NAMES.has(word));
    return banned.map((word) => `${path}: "${word}" names nothing, name the concept`);
  });
}

export function sizeViolations(files: readonly SourceFile[]): string[] {
  return files.filter(isProduction).flatMap(({ path, text }) => {
    const lines = text.trimEnd().split("\n").length;
    if (lines <= MAX_LINES || path in LONGER_FILES) return [];
    return [`${path}: ${lines} lines, more than ${MAX_LINES}: it wants another name inside`];
  });
}

/** Ways around the type checker and the linter that give no reason. */
export function escapeViolations(files: readonly SourceFile[]): string[] {
  return files.filter(isTypeScript).flatMap((file) => {
    const { path, text } = file;
    const problems: string[] = [];
    if (/oxlint-disable(?!.* -- \S)/u.test(text))
      problems.push("a lint rule is disabled without ` -- reason`");
    if (/@ts-(?:ignore|nocheck)/u.test(text)) problems.push("the type checker is silenced");
    if (isProduction(file) && castsWithoutReason(text))
      problems.push("`as unknown as` without a comment that says why");
    return problems.map((problem) => `${path}: ${problem}`);
  });
}

/** A cast needs a comment on its line or on one of the three before it. */
function castsWithoutReason(text: string): boolean {
  const lines = text.split("\n");
  const code = codeOf(text).split("\n");
  return code.some((line, index) => {
    const nearby = lines.slice(Math.max(0, index - 3), index + 1).join("\n");
    return /\bas unknown as\b|\bas any\b/u.test(line) && !/\/\/|\*\//u.test(nearby);
  });
}

export function localTextViolations(files: readonly SourceFile[]): string[] {
  return files.flatMap(({ path, text }) =>
    LOCAL_TEXT.filter((local) => text.includes(local)).map(
      (local) => `${path}: names ${local}, which only one machine has`,
    ),
  );
}
