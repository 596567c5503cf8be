import { describe, expect, test } from "vitest";
import { dependencyViolations, lockfileViolations } from "./architecture/dependencies.ts";
import { cycleViolations, layerViolations, testImportViolations } from "./architecture/layers.ts";
import { chartViolations, purityViolations } from "./architecture/purity.ts";
import {
  escapeViolations,
  localTextViolations,
  nameViolations,
  sizeViolations,
  topFolderViolations,
} from "./architecture/shape.ts";
import { readRepository, type SourceFile } from "./architecture/source-file.ts";

interface Rule {
  states: string;
  check: (files: readonly SourceFile[]) => string[];
  /** Small repositories that break the rule, each with a word that the report must contain. */
  planted: { report: string; files: Record<string, string> }[];
}

const manifest = (dependencies: Record<string, string>): string => JSON.stringify({ dependencies });
const chart = (text: string): Record<string, string> => ({ "machines/thread/machine.ts": text });

const RULES: Rule[] = [
  {
    states: "layers import only what they may",
    check: layerViolations,
    planted: [
      {
        report: "machines may not import node:fs",
        files: { "machines/a.ts": `import { x } from "node:fs";` },
      },
      {
        report: "machines may not import ../runtime/turn.ts",
        files: { "machines/a.ts": `import "../runtime/turn.ts";` },
      },
      {
        report: "../../runtime/kernel.ts",
        files: { "machines/thread/a.ts": `export type {\n  X,\n} from "../../runtime/kernel.ts";` },
      },
      {
        report: "runtime may not import xstate",
        files: { "runtime/turn.ts": `import { x } from 'xstate';` },
      },
      {
        report: "runtime may not import node:net",
        files: { "runtime/turn.ts": `import net from "node:net";` },
      },
      {
        report: "../persistence/",
        files: { "runtime/turn.ts": `const s = await import("../persistence/s.ts");` },
      },
      {
        report: "../runtime/turn.ts",
        files: { "persistence/a.ts": `import { x } from "../runtime/turn.ts";` },
      },
      { report: "../adapters/b.ts", files: { "persistence/a.ts": `import { x } from "../adapters/b.ts";` } },
      {
        report: "../persistence/b.ts",
        files: { "adapters/a.ts": `import { x } from "../persistence/b.ts";` },
      },
      {
        report: "../../runtime/node.ts",
        files: { "adapters/c/a.ts": `import { x } from "../../runtime/node.ts";` },
      },
      {
        report: "../../adapters/b.ts",
        files: { "api/operations/a.ts": `import { x } from "../../adapters/b.ts";` },
      },
      {
        report: "../../runtime/turn.ts",
        files: { "api/http/a.ts": `import { x } from "../../runtime/turn.ts";` },
      },
      {
        report: "../../runtime/turn.ts",
        files: { "api/cli/a.ts": `import { x } from "../../runtime/turn.ts";` },
      },
      { report: "../http/server.ts", files: { "api/cli/a.ts": `import { x } from "../http/server.ts";` } },
      {
        report: "library may not import xstate",
        files: { "api/library/a.ts": `import { setup } from "xstate";` },
      },
      {
        report: "../../adapters/b.ts",
        files: { "api/library/a.ts": `import { x } from "../../adapters/b.ts";` },
      },
      {
        report: "../../../adapters/ports/b.ts",
        files: { "api/cli/agents/a.ts": `import { x } from "../../../adapters/ports/b.ts";` },
      },
      {
        report: "../agents/endpoint.ts",
        files: { "api/cli/commands/a.ts": `import { x } from "../agents/endpoint.ts";` },
      },
      {
        report: "../../../persistence/b.ts",
        files: { "api/cli/check/a.ts": `import { x } from "../../../persistence/b.ts";` },
      },
    ],
  },
  {
    states: "imports form no circle",
    check: cycleViolations,
    planted: [
      {
        report: "runtime/a.ts → runtime/b.ts → runtime/c.ts → runtime/a.ts",
        files: {
          "runtime/a.ts": `import "./b.ts";`,
          "runtime/b.ts": `export * from "./c.ts";`,
          "runtime/c.ts": `import type { A } from "./a.ts";`,
        },
      },
    ],
  },
  {
    states: "production never imports tests",
    check: testImportViolations,
    planted: [
      { report: "../test/a.ts", files: { "api/main.ts": `import { x } from "../test/a.ts";` } },
      { report: "vitest", files: { "runtime/a.ts": `import { vi } from "vitest";` } },
    ],
  },
  {
    states: "machines and the engine take time, randomness and ids from outside",
    check: purityViolations,
    planted: [
      { report: "Date.now", files: { "machines/a.ts": `const now = Date.now();` } },
      { report: "Date.now", files: { "runtime/a.ts": "const text = `${Date.now()}`;" } },
      { report: "new Date()", files: { "runtime/a.ts": `const now = new Date();` } },
      { report: "timer", files: { "runtime/a.ts": `globalThis.setTimeout(f, 1);` } },
      { report: "timer", files: { "runtime/a.ts": `setInterval(f, 1);` } },
      { report: "clock of its own", files: { "runtime/a.ts": `const now = performance.now();` } },
      {
        report: "clock of its own",
        files: { "runtime/a.ts": `import { wait } from "node:timers/promises";` },
      },
      { report: "Math.random", files: { "machines/a.ts": `const n = Math.random();` } },
      { report: "random ids", files: { "runtime/a.ts": `import { randomUUID } from "node:crypto";` } },
    ],
  },
  {
    states: "charts can be run durably",
    check: chartViolations,
    planted: [
      { report: "spawn", files: chart(`assign({ child: ({ spawn }) => spawn("x") })`) },
      { report: "systemId", files: chart(`invoke: { id: "a", src: "b", systemId: "c", onError: "d" }`) },
      { report: "live logic", files: chart(`const load = fromPromise(async () => 1);`) },
      { report: "live actor", files: chart(`const actor = createActor(m);`) },
      { report: "without id", files: chart(`invoke: { src: "type", onError: { target: "x" } }`) },
      {
        report: "without onError",
        files: chart(`invoke: [{ id: "a", src: "b", onError: "c" }, { id: "d", src: "e" }]`),
      },
    ],
  },
  {
    states: "the folders at the top are fixed",
    check: topFolderViolations,
    planted: [{ report: "src/", files: { "src/a.ts": "" } }],
  },
  {
    states: "folders and files are named after a concept",
    check: nameViolations,
    planted: [
      { report: "utils", files: { "runtime/utils.ts": "" } },
      { report: "helpers", files: { "test/helpers/a.ts": "" } },
      { report: "manager", files: { "api/session-manager.ts": "" } },
    ],
  },
  {
    states: "production files have at most 300 lines",
    check: sizeViolations,
    planted: [{ report: "301 lines", files: { "runtime/a.ts": "x;\n".repeat(301) } }],
  },
  {
    states: "a way around the type checker or the linter gives its reason",
    check: escapeViolations,
    planted: [
      { report: "reason", files: { "api/a.ts": "// oxlint-" + "disable-next-line no-console\n" } },
      { report: "silenced", files: { "api/a.ts": "// @ts-" + "ignore\n" } },
      { report: "as unknown as", files: { "api/a.ts": "const x = y as unknown as Z;\n" } },
    ],
  },
  {
    states: "no file names a place or host of one machine",
    check: localTextViolations,
    planted: [
      { report: "docs/a.md", files: { "docs/a.md": "see /wo" + "rk/shared" } },
      { report: "a.json", files: { "a.json": "https://registry." + "npmjs.org" } },
    ],
  },
  {
    states: "every dependency is exact and explained",
    check: dependencyViolations,
    planted: [
      {
        report: "does not say why zod",
        files: { "package.json": manifest({ zod: "4.0.0" }), "docs/dependencies.md": "" },
      },
      {
        report: "zod is no dependency",
        files: { "package.json": "{}", "docs/dependencies.md": "- `zod`: shapes." },
      },
      {
        report: "not an exact version",
        files: { "package.json": manifest({ zod: "^4.0.0" }), "docs/dependencies.md": "- `zod`: shapes." },
      },
    ],
  },
  {
    states: "the lockfile names the packages of every platform",
    check: lockfileViolations,
    planted: [
      {
        report: "lacks tool-darwin",
        files: {
          "package-lock.json": JSON.stringify({
            packages: { "node_modules/tool": { optionalDependencies: { "tool-darwin": "1.0.0" } } },
          }),
        },
      },
    ],
  },
];

const repository = readRepository(process.cwd());

describe.each(RULES)("$states", ({ check, planted }) => {
  test("holds in this repository", () => {
    expect(check(repository)).toEqual([]);
  });

  test.each(planted)("reports a planted violation: $report", ({ files, report }) => {
    const found = check(Object.entries(files).map(([path, text]) => ({ path, text })));
    expect(found.join("\n")).toContain(report);
  });
});

test("what only looks like a violation is not reported", () => {
  const text = [
    `// Date.now() in a comment, import "../test/a.ts"`,
    `import { z } from "zod";`,
    `import type { AnyStateMachine } from "xstate";`,
    `const words = "Date.now() and setTimeout(";`,
    `const pattern = /["'] Math.random/;`,
    `const parsed = new Date(now);`,
    `clock.setTimeout(f);`,
  ].join("\n");
  const files = [{ path: "runtime/a.ts", text }];
  expect([...layerViolations(files), ...purityViolations(files), ...testImportViolations(files)]).toEqual([]);
});
