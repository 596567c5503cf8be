import type { RegisteredMachine } from "../registry.ts";
import type { StateNode } from "./labels.ts";
import { toMermaid } from "./mermaid.ts";

/** All charts as one Markdown page: diagram, states with their descriptions, events, ports. */
export function toDocument(machines: readonly RegisteredMachine[]): string {
  const intro = [
    "# The statecharts",
    "",
    "Written from the charts themselves; `npm test -- test/machines/export.test.ts -u` writes it anew.",
    "In a diagram, `(inner)` before and `→ inner` after a label name the inner state where an arrow starts and ends,",
    "an arrow from `[*]` with an event starts anywhere inside that state, and boxes called `region` are active side by side.",
    "",
  ];
  return [...intro, ...machines.flatMap(section)].join("\n");
}

function section({ kind, version, machine, ports }: RegisteredMachine): string[] {
  return [
    `## ${kind} (version ${version})`,
    "",
    ...(machine.root.description === undefined ? [] : [machine.root.description, ""]),
    "```mermaid",
    toMermaid(machine).trimEnd(),
    "```",
    "",
    ...table(["State", "What it means"], states(machine.root)),
    ...table(["Port", "What it does", "May be repeated"], ports.map(portRow)),
    `Events: ${eventsOf(machine.root).map(code).join(", ")}.`,
    "",
  ];
}

function portRow({ name, summary, repeat }: RegisteredMachine["ports"][number]): string[] {
  return [code(name), summary, repeat === "once" ? "never" : "yes"];
}

function states(node: StateNode): string[][] {
  return Object.values(node.states).flatMap((child) => [
    [code(child.path.join(".")), child.description ?? ""],
    ...states(child),
  ]);
}

function eventsOf({ machine }: StateNode): string[] {
  return machine.events
    .map(String)
    .filter((type) => type !== "" && !type.startsWith("xstate."))
    .toSorted();
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [row(head), row(head.map(() => "---")), ...rows.map(row), ""];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function code(text: string): string {
  return `\`${text}\``;
}
