import { z } from "zod";
import { agentPatterns } from "../../terminals/patterns.ts";
import { absoluteFolder, argument, environment } from "../fields.ts";

const plainArgument = argument.refine(
  (text) => !/\{(?:session|prompt)\}/.test(text),
  "placeholders belong into session.args, resume.args or prompt.args, which are left out when there is no value",
);

const argumentsWith = (placeholder: string) =>
  z
    .array(argument)
    .min(1)
    .max(16)
    .refine(
      (args) => args.some((arg) => arg.includes(placeholder)),
      `one element must contain ${placeholder}`,
    );

/** An agent that is a command plus patterns of its screen: everything about it is data. No shell is ever involved. */
export const genericDefinition = z.strictObject({
  command: z
    .tuple([plainArgument.min(1)], plainArgument)
    .describe("Program and arguments, executed without a shell."),
  cwd: absoluteFolder,
  env: environment.default({}),
  session: z
    .strictObject({ args: argumentsWith("{session}") })
    .optional()
    .describe("Arguments that give a new session its id, where the program takes one."),
  resume: z
    .strictObject({ args: argumentsWith("{session}") })
    .optional()
    .describe("Arguments that bring a session back; absent: it cannot be resumed."),
  prompt: z
    .discriminatedUnion("as", [
      z.strictObject({ as: z.literal("argument"), args: argumentsWith("{prompt}").default(["{prompt}"]) }),
      z.strictObject({ as: z.literal("typed") }),
    ])
    .default({ as: "argument", args: ["{prompt}"] })
    .describe(
      "How the first prompt reaches the program. Typed: only its last line, once the program is idle.",
    ),
  tokenRefresh: z
    .boolean()
    .default(false)
    .describe(
      "Whether the program reads its token from the file ROUSE_TOKEN_FILE, anew whenever it changes, as `rouse mcp` does: then its tokens live for 15 minutes, not for 12 hours.",
    ),
  patterns: agentPatterns,
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type GenericDefinition = z.infer<typeof genericDefinition>;
