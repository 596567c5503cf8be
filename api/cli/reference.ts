import type { Argument, Command, Option } from "commander";
import type { z } from "zod";
import { answers } from "./answers.ts";

/** The whole command line as one Markdown page, from the commands themselves. */
export function commandReference(program: Command): string {
  return [
    "# The command line",
    "",
    "Written from the commands themselves; `npm test -- test/api/cli/reference.test.ts -u` writes it anew.",
    "",
    "Tables for people, `--json` for programs: then the node's answer goes to standard output as it is, and a failure to",
    "standard error as `{code, message, next_step, retryable, details}`. Times are in UTC.",
    "",
    "Exit codes: 0 done, 1 failed, 2 wrong input, 3 not allowed, 4 not found, 5 refused in this state, 6 try again later,",
    "7 the installation is not ready (not running, port in use, folder not writable). The codes of failures are in",
    "[operations.md](operations.md).",
    "",
    "Options of every command:",
    "",
    ...optionLines(program.options.filter(({ long }) => long !== "--version")),
    ...program.commands.flatMap((command) => section(command)),
  ].join("\n");
}

function section(command: Command): string[] {
  if (command.commands.length === 0) return commandLines(command, "##");
  const below = command.commands.flatMap((child) => commandLines(child, "###"));
  return [`## rouse ${command.name()}`, "", command.description(), "", ...below];
}

function commandLines(command: Command, heading: string): string[] {
  const path = pathOf(command);
  const shownArguments = command.registeredArguments.map(argumentText);
  const usage = [path, ...shownArguments].join(" ");
  return [
    `${heading} \`${usage}\``,
    "",
    command.description(),
    "",
    ...argumentLines(command.registeredArguments),
    ...optionLines(command.options),
    ...answerLines(path.replace(/^rouse /u, "")),
  ];
}

function answerLines(path: string): string[] {
  const answer = answers[path];
  if (answer === undefined) return [];
  if ("operation" in answer)
    return [`With \`--json\`: as \`${answer.operation}\` in [operations](operations.md).`, ""];
  if ("lines" in answer) return [`Its output: ${answer.form}.`, ""];
  if (answer.form !== undefined) return [`With \`--json\`: ${answer.form}.`, ""];
  const fields = Object.keys((answer.schema as z.ZodObject).shape).map((name) => `\`${name}\``);
  return [`With \`--json\`: ${fields.join(", ")}.`, ""];
}

function argumentText(argument: Argument): string {
  return argument.required ? `<${argument.name()}>` : `[${argument.name()}]`;
}

function argumentLines(args: readonly Argument[]): string[] {
  const described = args.filter(({ description }) => description !== "");
  if (described.length === 0) return [];
  return [...described.map((argument) => `- \`${argument.name()}\`: ${argument.description}`), ""];
}

function optionLines(options: readonly Option[]): string[] {
  if (options.length === 0) return [];
  return [...options.map((option) => `- \`${option.flags}\`: ${optionText(option)}`), ""];
}

function optionText({ description, argChoices, defaultValue, mandatory }: Option): string {
  const remarks = [
    ...(argChoices === undefined ? [] : [`one of ${argChoices.join(", ")}`]),
    ...(typeof defaultValue === "string" ? [`default ${defaultValue}`] : []),
    ...(mandatory && defaultValue === undefined ? ["required"] : []),
  ];
  return remarks.length === 0 ? description : `${description} (${remarks.join("; ")})`;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
