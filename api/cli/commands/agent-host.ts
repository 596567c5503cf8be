import { Option } from "commander";
import { defineCommand } from "../command.ts";
import type { ConnectGiven } from "../agents/connect.ts";
import { readDefinition } from "../definition.ts";
import { doctorText } from "../views/agents.ts";

/** What concerns the agent programs of this host: done here, as the person, and not by the node. */

export const doctor = defineCommand<{ kind: string; definition?: string }>({
  usage: "doctor <kind>",
  summary: "Tell what agents of a kind need on this host, what of it works, and how to put the rest right.",
  remarks:
    "Looks at the program, its version, settings and sign-in, at what wakes it, at our tools with your token, and at tmux. Starts no session and shows no secret. Exit code 0: nothing fails, 1: something does.",
  arguments: { kind: "codex, claude-code, opencode, gemini, acp or generic" },
  options: [
    new Option(
      "--definition <json>",
      "an agent's definition, which alone names the program of kind acp; @FILE reads it from a file",
    ),
  ],
  examples: [
    "agent doctor codex",
    "agent doctor claude-code --json",
    "agent doctor acp --definition @agent.json",
  ],
  async run(invocation, { kind, definition }) {
    // Kinds bring their programs' ways along: loaded by this command alone.
    const { examine } = await import("../agents/doctor.ts");
    const report = await examine(
      invocation,
      kind,
      definition === undefined ? null : readDefinition(definition),
    );
    invocation.show(report, doctorText);
    if (!report.ok) process.exitCode = 1;
  },
});

export const connect = defineCommand<ConnectGiven>({
  usage: "connect <kind>",
  summary: "Give your own sessions of an agent program our tools, by its settings.",
  remarks:
    "Shows the change and asks first. All else in the files stays as it is, to the byte; no token is written. Agents that Rouse launches need none of this.",
  arguments: { kind: "codex, claude-code, opencode or gemini" },
  options: [
    new Option(
      "--agent <agent>",
      "whom it speaks as, on the node's own host; left out: whom ROUSE_TOKEN or ROUSE_TOKEN_FILE names",
    ),
    new Option("--undo", "take out what was put in"),
    new Option("--dry-run", "show the change and write nothing"),
    new Option("--yes", "write without asking"),
  ],
  examples: ["agent connect codex --agent codex-1", "agent connect claude-code --undo"],
  async run(invocation, given) {
    const { connect: carryOut } = await import("../agents/connect.ts");
    await carryOut(invocation, given);
  },
});
