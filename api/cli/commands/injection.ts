import { defineCommand } from "../command.ts";
import { requiredReason } from "../options.ts";

/** The red switch of the whole workspace. */

const switches = [
  ["pause", "pause_injection", "The red switch: nothing is typed anywhere in the workspace; messages wait."],
  ["resume", "resume_injection", "Take the red switch back: what waited is woken."],
] as const;

export const injectionCommands = switches.map(([name, operation, what]) =>
  defineCommand<{ reason: string }>({
    usage: name,
    summary: what,
    options: [requiredReason()],
    examples: [
      `${name} --reason "${name === "pause" ? "demonstration in progress" : "demonstration is over"}"`,
    ],
    async run(invocation, { reason }) {
      const answer = await invocation.call(operation, { scope: "workspace", reason });
      invocation.show(answer, ({ injection }) => `Injection in the whole workspace is ${injection}.\n`);
    },
  }),
);
