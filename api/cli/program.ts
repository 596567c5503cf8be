import { Command, CommanderError, Option } from "commander";
import { mountCommand, mountGroup, type CommandDefinition, type CommandGroup } from "./command.ts";
import { agentGroup } from "./commands/agent.ts";
import { auditGroup } from "./commands/audit.ts";
import { backup, databaseGroup, restore } from "./commands/backup.ts";
import { check } from "./commands/check.ts";
import { replay } from "./commands/replay.ts";
import { completionCommand } from "./commands/completion.ts";
import { config } from "./commands/config.ts";
import { demo } from "./commands/demo.ts";
import { down } from "./commands/down.ts";
import { events } from "./commands/events.ts";
import { explain, journal, wakeGroup } from "./commands/evidence.ts";
import { escalations } from "./commands/escalations.ts";
import { actorGroup, deadLetterGroup, effectGroup, nodes } from "./commands/failure.ts";
import { injectionCommands } from "./commands/injection.ts";
import { notificationGroup } from "./commands/notifications.ts";
import { machineGroup } from "./commands/machine.ts";
import { mcp } from "./commands/mcp.ts";
import { participantGroup } from "./commands/participant.ts";
import { prompts } from "./commands/prompts.ts";
import { runtimeGroup } from "./commands/runtime.ts";
import { status } from "./commands/status.ts";
import { threadGroup } from "./commands/thread.ts";
import { keyGroup, tokenGroup } from "./commands/tokens.ts";
import { top } from "./commands/top.ts";
import { up } from "./commands/up.ts";
import { completionTree } from "./completion.ts";
import type { Surroundings } from "./surroundings.ts";
import { packageVersion } from "./version.ts";

const examples = `
Examples:
  $ rouse up                                     start, and see how agents connect
  $ rouse thread create "Review" -p dev-1 reviewer-1
  $ rouse thread post th-1 "Please look at parser.ts." --to reviewer-1
  $ rouse explain th-1 reviewer-1                why is it not awake?
  $ rouse top --watch                            everything at a glance, as it changes

Exit codes: 0 done, 1 failed, 2 wrong input, 3 not allowed, 4 not found, 5 refused in this state,
6 try again later, 7 the installation is not ready (for instance not running).`;

/** The whole command line, ready to parse. Usage errors are thrown as `CommanderError`. */
export function createProgram(surroundings: Surroundings): Command {
  const program = new Command("rouse")
    .description("Coordinates coding agents and wakes them when they have unread work.")
    .version(packageVersion(), "--version", "print the version")
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, visibleGlobalOptions })
    .configureOutput({ writeOut: surroundings.out, writeErr: () => {}, getOutHelpWidth: () => 100 })
    .exitOverride()
    .addOption(new Option("--json", "print the answer as JSON, and errors too"))
    .addOption(new Option("--url <url>", "node to speak to; default: ROUSE_URL, else the one of this home"))
    .addOption(new Option("--token <token>", "speak as its agent; default: ROUSE_TOKEN, else the operator"))
    .addOption(
      new Option("--idempotency-key <key>", "repeating a change with the same key changes nothing more"),
    )
    .addHelpText("after", examples);
  const completion = completionCommand(() => completionTree(program));
  const parts: (CommandDefinition | CommandGroup)[] = [
    ...[up, down, status, top, config, demo],
    ...[threadGroup, participantGroup, explain, escalations, prompts, notificationGroup],
    ...[mcp, agentGroup, runtimeGroup, tokenGroup, keyGroup, ...injectionCommands],
    ...[wakeGroup, journal, events, auditGroup],
    ...[deadLetterGroup, actorGroup, effectGroup, nodes],
    ...[backup, restore, databaseGroup],
    ...[machineGroup, check, replay, completion],
  ];
  for (const part of parts) {
    if ("commands" in part) mountGroup(program, part, surroundings);
    else mountCommand(program, part, surroundings);
  }
  return program;
}

/** `--version` is the program's own. */
function visibleGlobalOptions(command: Command): Option[] {
  if (command.parent === null) return [];
  return rootOf(command).options.filter(({ long }) => long !== "--version");
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** True for what commander throws after it printed help or the version. */
export function isAnswered(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
