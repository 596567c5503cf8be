import type { Command, Option } from "commander";
import { Invocation, type GlobalOptions } from "./invocation.ts";
import type { Surroundings } from "./surroundings.ts";

/** One command: what it takes, and what it does with it. */
export interface CommandDefinition {
  /** Name and arguments, for instance `show <thread>`. */
  usage: string;
  summary: string;
  /** Runs when its group is named alone. */
  isDefault?: boolean;
  /** More for the help page. */
  remarks?: string;
  /** Argument name → what it is. */
  arguments?: Readonly<Record<string, string>>;
  options?: readonly Option[];
  /** Command lines without the leading `rouse`. */
  examples?: readonly string[];
  /** `given` holds arguments and options by their names. */
  run: (invocation: Invocation, given: Record<string, unknown>) => Promise<void>;
}

export interface CommandGroup {
  name: string;
  /** Another name for it, for instance the singular. */
  alias?: string;
  summary: string;
  commands: readonly CommandDefinition[];
}

type Typed<Given> = Omit<CommandDefinition, "run"> & {
  run: (invocation: Invocation, given: Given) => Promise<void>;
};

/** Names the type of what the arguments and options give. */
export function defineCommand<Given extends object>(definition: Typed<Given>): CommandDefinition {
  const { run } = definition;
  // Commander has parsed and checked the values; their types are those of the options.
  return { ...definition, run: (invocation, given) => run(invocation, given as Given) };
}

export function mountGroup(program: Command, group: CommandGroup, surroundings: Surroundings): void {
  const parent = program.command(group.name).description(group.summary).helpCommand(false);
  if (group.alias !== undefined) parent.alias(group.alias);
  for (const definition of group.commands) mountCommand(parent, definition, surroundings);
}

export function mountCommand(
  parent: Command,
  definition: CommandDefinition,
  surroundings: Surroundings,
): void {
  const { usage, summary, remarks, options = [], examples = [], isDefault = false } = definition;
  const [name = "", ...args] = usage.split(" ");
  const command = parent
    .command(name, { isDefault })
    .description(remarks === undefined ? summary : `${summary}\n\n${remarks}`);
  command.summary(summary);
  for (const arg of args)
    command.argument(arg, definition.arguments?.[arg.replaceAll(/[<>[\].]/g, "")] ?? "");
  for (const option of options) command.addOption(option);
  if (examples.length > 0) command.addHelpText("after", exampleText(examples));
  command.action(async (...received: unknown[]) => {
    const options = command.optsWithGlobals<GlobalOptions>();
    const given: Record<string, unknown> = { ...options };
    for (const [index, argument] of command.registeredArguments.entries())
      given[argument.name()] = received[index];
    await definition.run(new Invocation(surroundings, options), given);
  });
}

function exampleText(examples: readonly string[]): string {
  return ["", "Examples:", ...examples.map((example) => `  $ rouse ${example}`)].join("\n");
}
