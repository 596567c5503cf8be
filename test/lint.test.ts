import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";

/** One file per lint rule that we rely on: the rule must be reported for the file, and the file is as small as can be. */
const PLANTED: { file: string; rule: string; text: string }[] = [
  { file: "machines/date.ts", rule: "no-restricted-properties", text: `export const now = Date.now();` },
  { file: "machines/random.ts", rule: "no-restricted-properties", text: `export const n = Math.random();` },
  {
    file: "machines/packages.ts",
    rule: "no-restricted-imports",
    text: `export { readFile } from "node:fs";`,
  },
  { file: "machines/engine.ts", rule: "no-restricted-imports", text: `export { x } from "../runtime/x.ts";` },
  {
    file: "machines/thread/engine.ts",
    rule: "no-restricted-imports",
    text: `export { x } from "../../runtime/x.ts";`,
  },
  { file: "machines/timer.ts", rule: "no-restricted-globals", text: `export const t = setTimeout;` },
  { file: "runtime/timer.ts", rule: "no-restricted-globals", text: `export const t = setInterval;` },
  {
    file: "runtime/performance.ts",
    rule: "no-restricted-globals",
    text: `export const t = performance.now();`,
  },
  {
    file: "runtime/uuid.ts",
    rule: "no-restricted-properties",
    text: `export const id = crypto.randomUUID();`,
  },
  {
    file: "runtime/store.ts",
    rule: "no-restricted-imports",
    text: `export { x } from "../persistence/x.ts";`,
  },
  { file: "runtime/chart.ts", rule: "no-restricted-imports", text: `export { assign } from "xstate";` },
  {
    file: "runtime/files.ts",
    rule: "no-restricted-imports",
    text: `export { readFile } from "node:fs/promises";`,
  },
  { file: "persistence/x.ts", rule: "no-restricted-imports", text: `export { x } from "../adapters/x.ts";` },
  {
    file: "adapters/a/x.ts",
    rule: "no-restricted-imports",
    text: `export { x } from "../../persistence/x.ts";`,
  },
  {
    file: "api/operations/x.ts",
    rule: "no-restricted-imports",
    text: `export { x } from "../../adapters/x.ts";`,
  },
  { file: "api/http/x.ts", rule: "no-restricted-imports", text: `export { x } from "../../test/x.ts";` },
  { file: "api/http/chart.ts", rule: "no-restricted-imports", text: `export { assign } from "xstate";` },
  { file: "api/any.ts", rule: "no-explicit-any", text: `export function f(x: any): void { void x; }` },
  {
    file: "api/unsafe.ts",
    rule: "no-unsafe-member-access",
    text: `export const x: unknown = JSON.parse("{}").name;`,
  },
  {
    file: "api/floating.ts",
    rule: "no-floating-promises",
    text: `export function f(): void { Promise.resolve(1); }`,
  },
  {
    file: "api/misused.ts",
    rule: "no-misused-promises",
    text: `["x"].forEach(async (x) => { await Promise.resolve(x); });`,
  },
  { file: "api/ignore.ts", rule: "ban-ts-comment", text: `// @ts-` + `ignore\nexport const x = 1;` },
  { file: "api/console.ts", rule: "no-console", text: `console.log("x");\nexport {};` },
  { file: "api/default.ts", rule: "no-default-export", text: `export default 1;` },
  {
    file: "api/bang.ts",
    rule: "no-non-null-assertion",
    text: `export const f = (x: string[]): string => x[0]!;`,
  },
  {
    file: "api/switch.ts",
    rule: "switch-exhaustiveness-check",
    text: `export function f(x: "a" | "b"): void { switch (x) { case "a": break; } }`,
  },
  { file: "api/throw.ts", rule: "only-throw-error", text: `export function f(): never { throw "text"; }` },
  {
    file: "api/params.ts",
    rule: "max-params",
    text: `export function f(a: 1, b: 1, c: 1, d: 1, e: 1): unknown { return [a, b, c, d, e]; }`,
  },
  {
    file: "api/long.ts",
    rule: "max-lines-per-function",
    text: `export function f(): void {\n${"void 0;\n".repeat(61)}}`,
  },
  {
    file: "api/cycle.ts",
    rule: "no-cycle",
    text: `import { b } from "./cycle-back.ts";\nexport const a = (): unknown => b;`,
  },
  {
    file: "api/cycle-back.ts",
    rule: "no-cycle",
    text: `import { a } from "./cycle.ts";\nexport const b = (): unknown => a;`,
  },
  {
    file: "test/focus.test.ts",
    rule: "no-focused-tests",
    text: `import { test } from "vitest";\ntest.only("x", () => {});`,
  },
];

/** Files that the same rules must leave alone. */
const ALLOWED: { file: string; text: string }[] = [
  { file: "runtime/clock.ts", text: `export const now = (): number => Date.now();` },
  { file: "runtime/kernel.ts", text: `export { createMachine } from "xstate";` },
  { file: "runtime/registry.ts", text: `export type { AnyStateMachine } from "xstate";` },
  { file: "machines/thread/chart.ts", text: `export { z } from "zod";\nexport { setup } from "xstate";` },
  { file: "machines/participant/wake.ts", text: `export { x } from "../runtime/x.ts";` },
  { file: "api/main.ts", text: `export { x } from "../persistence/x.ts";` },
];

const FOLDERS = ["machines", "runtime", "persistence", "adapters", "api", "test"];
const Report = z.object({ diagnostics: z.array(z.object({ code: z.string(), filename: z.string() })) });
let folder = "";
let reported: string[] = [];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-lint-"));
  const root = process.cwd();
  for (const file of [".oxlintrc.json", "tsconfig.json", "package.json"])
    cpSync(join(root, file), join(folder, file));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  for (const { file, text } of [...PLANTED, ...ALLOWED]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${text}\n`);
  }
  const { stdout } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["--format=json", ...FOLDERS], {
    cwd: folder,
    encoding: "utf8",
  });
  reported = Report.parse(JSON.parse(stdout)).diagnostics.map(({ code, filename }) => `${filename} ${code}`);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(PLANTED)("lint reports $rule in $file", ({ file, rule }) => {
  expect(reported.filter((line) => line.startsWith(`${file} `)).join("\n")).toContain(`(${rule})`);
});

test.each(ALLOWED)("lint accepts $file", ({ file }) => {
  expect(reported.filter((line) => line.startsWith(`${file} `))).toEqual([]);
});
