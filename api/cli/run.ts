import { CommanderError, type Command } from "commander";
import { exitCodeOf, failureOf, failureText, type Failure } from "./failure.ts";
import { createProgram, isAnswered } from "./program.ts";
import type { Surroundings } from "./surroundings.ts";

const usageExitCode = 2;

/** Runs one command line (without program name) and returns the exit code. Failures are printed here, never thrown. */
export async function runCommandLine(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const program = createProgram(surroundings);
  const isJson = args.includes("--json");
  try {
    await program.parseAsync(args.length === 0 ? ["--help"] : [...args], { from: "user" });
    return 0;
  } catch (error) {
    if (isAnswered(error)) return 0;
    if (error instanceof CommanderError) {
      surroundings.err(usageText(usageFailure(error, commandOf(program, args)), isJson));
      return usageExitCode;
    }
    surroundings.err(failureText(failureOf(error), isJson));
    return exitCodeOf(error);
  }
}

interface UsageFailure {
  failure: Failure;
  usage: string;
}

function usageFailure({ message, code }: CommanderError, command: Command): UsageFailure {
  const path = pathOf(command);
  const isBareGroup = code === "commander.help";
  const text = isBareGroup
    ? `${path} needs a command`
    : message.replace(/^error: /, "").replaceAll("\n", " ");
  const next_step = `See ${path} --help.`;
  const failure = { code: "invalid_input", message: text, next_step, retryable: false, details: {} };
  const commands = command.commands.map((one) => one.name()).join(" | ");
  const usage = `${path} ${commands === "" ? command.usage() : `[options] ${commands}`}`;
  return { failure, usage };
}

function usageText({ failure, usage }: UsageFailure, isJson: boolean): string {
  return isJson ? failureText(failure, true) : `${failureText(failure, false)}usage: ${usage}\n`;
}

/** The innermost command that the arguments name. */
function commandOf(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const arg of args.filter((text) => !text.startsWith("-"))) {
    const child = command.commands.find((one) => one.name() === arg);
    if (child === undefined) break;
    command = child;
  }
  return command;
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
