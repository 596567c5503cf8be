import type { Chart } from "../registry.ts";

/**
 * The chart as TypeScript source with stub implementations: compiles by itself, and has the same states and the same
 * machine hash. Computed params, input and context become stubs of the same name.
 */
export function toCode(chart: Chart): string {
  const stubs = new Set<string>();
  const config = print(chart.config, { indent: "", stubs });
  const { actors, guards, actions, delays } = chart.implementations;
  const vocabulary = [
    `  types: { events: {} as ${eventUnion(chart)} },`,
    section("actors", Object.keys(actors), "fromPromise<unknown, unknown>(() => new Promise(() => {}))"),
    section("guards", Object.keys(guards), "(_, _params: unknown) => true"),
    section("actions", Object.keys(actions), "(_, _params: unknown) => {}"),
    section("delays", Object.keys(delays), "1_000"),
  ].filter((line) => line !== "");
  const imported = Object.keys(actors).length === 0 ? "setup" : "fromPromise, setup";
  return [
    `import { ${imported} } from "xstate";`,
    "",
    ...[...stubs].toSorted().map((name) => `const ${name} = () => ({});`),
    ...(stubs.size === 0 ? [] : [""]),
    "export const machine = setup({",
    ...vocabulary,
    `}).createMachine(${config});`,
    "",
  ].join("\n");
}

function section(name: string, keys: readonly string[], stub: string): string {
  if (keys.length === 0) return "";
  return [`  ${name}: {`, ...keys.map((key) => `    ${printKey(key)}: ${stub},`), "  },"].join("\n");
}

function eventUnion({ events }: Chart): string {
  const own = events.map(String).filter((type) => type !== "" && !type.startsWith("xstate."));
  const types = own.map((type) => `{ type: ${JSON.stringify(type)} }`);
  return types.length === 0 ? "{ type: string }" : types.toSorted().join(" | ");
}

interface Printing {
  indent: string;
  /** Names of the functions met. */
  stubs: Set<string>;
}

function print(value: unknown, { indent, stubs }: Printing): string {
  if (typeof value === "function") return printStub(value.name, stubs);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const deeper = { indent: `${indent}  `, stubs };
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  if (entries.length === 0) return Array.isArray(value) ? "[]" : "{}";
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const lines = entries.map(([key, entry]) => {
    const printed = print(entry, deeper);
    return `${deeper.indent}${Array.isArray(value) ? "" : `${printKey(key)}: `}${printed},`;
  });
  return [open, ...lines, `${indent}${close}`].join("\n");
}

function printStub(name: string, stubs: Set<string>): string {
  if (!identifier.test(name)) return "() => ({})";
  stubs.add(name);
  return name;
}

const identifier = /^[A-Za-z_$][\w$]*$/;

function printKey(key: string): string {
  return identifier.test(key) ? key : JSON.stringify(key);
}
