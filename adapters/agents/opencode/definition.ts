import { z } from "zod";
import { absoluteFolder, argument, environment } from "../fields.ts";
import { recordedVersions } from "./screens.ts";

/** Settings as opencode's own `opencode.json` has them; it checks them itself. */
const settings = z.record(z.string(), z.json());

/** Ours alone: the command that starts it says where its server listens and which session it opens. */
const ownArgument = argument.refine(
  (text) => !/^--?(?:port|hostname|mdns|session|s|continue|c|fork|prompt|mini)(?:=|$)/.test(text),
  "is set by Rouse itself",
);

/** How opencode is run for one agent. */
export const opencodeDefinition = z.strictObject({
  command: z
    .tuple([argument.min(1)], ownArgument)
    .default(["opencode"])
    .describe("Program and arguments of your own, executed without a shell."),
  cwd: absoluteFolder,
  sessions: z
    .enum(["own", "user"])
    .default("own")
    .describe(
      "Where its sessions are kept. `own`: a private file of the agent. `user`: with yours. Sign-in and settings are yours in both cases, and nothing in them is ever changed.",
    ),
  model: argument.min(1).optional().describe("As `--model`: `provider/model`."),
  agent: argument.min(1).optional().describe("As `--agent`."),
  config: settings
    .default({})
    .describe("More settings, as in `opencode.json`; they come after yours and the project's."),
  env: environment.default({}),
  readScreensAs: z
    .enum(recordedVersions)
    .optional()
    .describe(
      "Treats any installed version as this one. Absent: a version that was never recorded is not started.",
    ),
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type OpencodeDefinition = z.infer<typeof opencodeDefinition>;
