import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMachine } from "xstate";
import { toCode } from "../../machines/export/code.ts";
import { toDocument } from "../../machines/export/document.ts";
import { toStatelyJson } from "../../machines/export/json.ts";
import { toMermaid } from "../../machines/export/mermaid.ts";
import { registeredMachines, type Chart } from "../../machines/registry.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { transitionIds } from "../../runtime/transitions.ts";

const charts = registeredMachines.map(({ kind, machine }) => [kind, machine] as const);

function stateIds(node: Chart["root"]): string[] {
  return [node.id, ...Object.values(node.states).flatMap(stateIds)];
}

function shape(chart: Chart) {
  return { states: stateIds(chart.root), transitions: [...transitionIds(chart).values()] };
}

describe.each(charts)("%s as data", (_, chart) => {
  test("survives JSON and makes a chart of the same states and transitions", () => {
    const data = JSON.parse(JSON.stringify(toStatelyJson(chart))) as Parameters<typeof createMachine>[0];
    expect(shape(createMachine(data))).toEqual(shape(chart));
  });

  test("keeps descriptions, and names instead of functions", () => {
    const text = JSON.stringify(toStatelyJson(chart));
    const described = stateIds(chart.root).filter(
      (id) => (chart.getStateNodeById(id).description ?? "") !== "",
    );
    expect(text.match(/"description":/g)).toHaveLength(described.length);
    for (const src of Object.keys(chart.implementations.actors)) expect(text).toContain(`"src":"${src}"`);
  });
});

describe.each(charts)("%s as Mermaid", (_, chart) => {
  const lines = toMermaid(chart)
    .split("\n")
    .map((line) => line.trim());
  const declared = lines.flatMap((line) => /^state ".*" as (\w+)/.exec(line)?.[1] ?? []);
  const arrows = lines.flatMap((line) => {
    const [, from, to] = /^(\S+) --> (\S+)/.exec(line) ?? [];
    return from === undefined || to === undefined ? [] : [{ from, to }];
  });

  test("declares every state once, and closes what it opens", () => {
    const ids = stateIds(chart.root).map((id) => id.replaceAll(".", "_"));
    expect(ids.filter((id) => id !== chart.id && !declared.includes(id))).toEqual([]);
    expect(declared).toHaveLength(new Set(declared).size);
    expect(lines.filter((line) => line.endsWith("{"))).toHaveLength(
      lines.filter((line) => line === "}").length,
    );
  });

  test("draws every transition that leads somewhere, every beginning and every end, between declared states", () => {
    const transitions = [...transitionIds(chart).keys()] as { target?: object[] }[];
    const targets = transitions.flatMap(({ target }) => target ?? []).length;
    const nodes = stateIds(chart.root).map((id) => chart.getStateNodeById(id));
    const beginnings = nodes.filter(({ type }) => type === "compound").length;
    const ends = nodes.filter(({ type }) => type === "final").length;
    expect(arrows).toHaveLength(targets + beginnings + ends);
    const joined = arrows.flatMap(({ from, to }) => [from, to]);
    expect(joined.filter((id) => id !== "[*]" && !declared.includes(id))).toEqual([]);
  });

  test("joins no state with its own inside: Mermaid cannot draw that", () => {
    expect(arrows.filter(({ from, to }) => to.startsWith(`${from}_`) || from.startsWith(`${to}_`))).toEqual(
      [],
    );
  });
});

describe("as code", () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "rouse-export-"));
    await symlink(resolve("node_modules"), join(folder, "node_modules"));
    const { compilerOptions } = JSON.parse(await readFile("tsconfig.json", "utf8")) as {
      compilerOptions: object;
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["*.ts"] }));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    for (const [kind, chart] of charts) await writeFile(join(folder, `${kind}.ts`), toCode(chart));
  });

  afterAll(() => rm(folder, { recursive: true }));

  test("compiles by itself under the strictest settings", async () => {
    const compile = promisify(execFile)("node_modules/.bin/tsc", ["-p", folder]);
    await expect(compile).resolves.toMatchObject({ stdout: "" });
  });

  test.each(charts)("%s has the same hash, states and transitions", async (kind, chart) => {
    const written = (await import(pathToFileURL(join(folder, `${kind}.ts`)).href)) as { machine: Chart };
    expect(machineHash(written.machine)).toBe(machineHash(chart));
    expect(shape(written.machine)).toEqual(shape(chart));
  });
});

test("docs/machines.md shows the charts as they are", async () => {
  await expect(toDocument(registeredMachines)).toMatchFileSnapshot("../../docs/machines.md");
});
