import { writeFileSync } from "node:fs";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandGroup } from "../command.ts";

const kinds = ["thread", "participant", "runtime"];
type Format = "json" | "mermaid" | "code";

const exporting = defineCommand<{ kind: string; format: Format; output?: string }>({
  usage: "export <kind>",
  summary: "Write a statechart as data for Stately's editor, as Mermaid or as TypeScript. Needs no node.",
  arguments: { kind: kinds.join(", ") },
  options: [
    new Option("--format <format>", "form to write").choices(["json", "mermaid", "code"]).default("json"),
    new Option("-o, --output <file>", "left out: standard output"),
  ],
  examples: ["machine export participant --format mermaid", "machine export thread -o thread.json"],
  async run(invocation, { kind, format, output }) {
    const text = await exported(kind, format);
    if (output === undefined) invocation.surroundings.out(text);
    else write(output, text);
  },
});

/** Charts bring XState along: loaded by this command alone. */
async function exported(kind: string, format: Format): Promise<string> {
  const { registeredMachines } = await import("../../../machines/registry.ts");
  const found = registeredMachines.findLast((entry) => entry.kind === kind);
  if (found === undefined) {
    throw new RouseError("invalid_input", `there is no chart of kind ${kind}`, {
      nextStep: `Choose one of ${kinds.join(", ")}.`,
    });
  }
  switch (format) {
    case "json": {
      const { toStatelyJson } = await import("../../../machines/export/json.ts");
      return `${JSON.stringify(toStatelyJson(found.machine), null, 2)}\n`;
    }
    case "mermaid":
      return (await import("../../../machines/export/mermaid.ts")).toMermaid(found.machine);
    case "code":
      return (await import("../../../machines/export/code.ts")).toCode(found.machine);
  }
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new RouseError("directory_not_writable", `cannot write ${path}: ${(cause as Error).message}`, {
      nextStep: "Name a file in a folder that exists and is yours.",
      cause,
    });
  }
}

export const machineGroup: CommandGroup = {
  name: "machine",
  summary: "The statecharts themselves.",
  commands: [exporting],
};
