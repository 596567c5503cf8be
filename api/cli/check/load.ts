import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { recognizeChart } from "../../../machines/chart.ts";
import type { Chart, RegisteredPort } from "../../../machines/registry.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { Subject } from "../../../runtime/model/derived-model.ts";

export type LoadedSubject = Subject & { ports?: readonly RegisteredPort[] };

/** Every actor and every chart that a file exports, each chart once. Throws `invalid_input` that says what is wrong. */
export async function loadSubjects(file: string): Promise<LoadedSubject[]> {
  const exported = Object.entries(await load(file)).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each: unknown) => ({ name, value: each })),
  );
  const actors = exported.flatMap(({ value }) => (isActorLike(value) ? [value] : []));
  const charts = exported.flatMap(({ value }) => (recognizeChart(value) === null ? [] : [value]));
  const subjects = [...actors.map(subjectOfActor), ...charts.map(subjectOfChart)];
  const byChart = new Map(
    subjects.map((subject) => [subject.machine, subject]).toReversed() as [Chart, LoadedSubject][],
  );
  const found = [...byChart.values()].toReversed();
  for (const { kind, machine } of found) requireOwnXState(file, kind, machine);
  if (found.length > 0) return found;
  throw new RouseError("invalid_input", `${file} exports no chart`, {
    nextStep: "Export what createMachine() or defineActor() returns.",
    details: { exports: exported.map(({ name }) => name) },
  });
}

async function load(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new RouseError("invalid_input", `there is no file ${file}`, {
      nextStep: "Name a file that exports a chart.",
    });
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    const { code, message } = cause as { code?: string; message?: string };
    throw new RouseError("invalid_input", `${file} cannot be loaded: ${message ?? String(cause)}`, {
      nextStep: adviceFor(code),
      cause,
    });
  }
}

function adviceFor(code: string | undefined): string {
  switch (code) {
    case "ERR_MODULE_NOT_FOUND":
      return "Install what the file imports, and run rouse from that project: npx rouse check FILE.";
    case "ERR_UNKNOWN_FILE_EXTENSION":
      return "Name a JavaScript file, or a TypeScript file with Node 22.18 or newer.";
    case "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX":
      return "Node strips types only: leave enums, namespaces and parameter properties out, or compile the file first.";
    default:
      return "Run the file by itself to see where it fails.";
  }
}

interface ActorLike {
  kind: string;
  version?: string;
  machine: Chart;
  ports?: readonly RegisteredPort[];
  examples?: Subject["examples"];
}

function isActorLike(value: unknown): value is ActorLike {
  if (typeof value !== "object" || value === null) return false;
  const { kind, machine } = value as Partial<ActorLike>;
  return typeof kind === "string" && recognizeChart(machine) !== null;
}

function subjectOfActor({ kind, version, machine, ports, examples = {} }: ActorLike): LoadedSubject {
  return {
    kind,
    machine,
    examples,
    ...(version === undefined ? {} : { version }),
    ...(ports === undefined ? {} : { ports }),
  };
}

function subjectOfChart(value: unknown): LoadedSubject {
  const machine = value as Chart;
  return { kind: machine.id, machine, examples: {} };
}

function requireOwnXState(file: string, kind: string, machine: Chart): void {
  if (recognizeChart(machine) === "chart") return;
  throw new RouseError(
    "invalid_input",
    `the chart ${kind} of ${file} was made by another copy of xstate than this command's own`,
    {
      nextStep: "Run the rouse of that project: npx rouse check FILE. `npm ls xstate` must show one version.",
    },
  );
}
