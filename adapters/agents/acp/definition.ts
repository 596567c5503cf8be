import { z } from "zod";
import { absoluteFolder, argument, environment } from "../fields.ts";

/** How a program that speaks the Agent Client Protocol on its standard input and output is run for one agent. */
export const acpDefinition = z.strictObject({
  command: z
    .tuple([argument.min(1)], argument)
    .describe("Program and arguments that start it as an ACP agent, executed without a shell."),
  cwd: absoluteFolder,
  env: environment.default({}),
  authMethod: argument
    .min(1)
    .optional()
    .describe("One of the agent's own sign-in methods, asked for at the start, such as `gemini-api-key`."),
  mode: argument.min(1).optional().describe("One of the agent's own session modes, such as `acceptEdits`."),
  allow: z
    .enum(["nothing", "ours", "everything"])
    .default("ours")
    .describe(
      "What is allowed without asking a person: nothing, our own tools, or whatever the agent asks for.",
    ),
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type AcpDefinition = z.infer<typeof acpDefinition>;
