import { z } from "zod";
import { absoluteFolder, argument, environment } from "../fields.ts";
import { recordedVersions } from "./screens.ts";
import type { Setting } from "./toml.ts";

const setting: z.ZodType<Setting> = z.union([
  argument,
  z.number(),
  z.boolean(),
  z.array(z.lazy(() => setting)),
  z.record(
    argument,
    z.lazy(() => setting),
  ),
]);

/** Ours alone: how Codex reaches us, and which folder it may work in. */
const reserved = /^(?:mcp_servers\.rouse|projects)(?:\.|$)/;

const settingName = z
  .string()
  .regex(/^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/, "must be the dotted name of a setting")
  .refine((name) => !reserved.test(name), "is set by Rouse itself");

/** How Codex is run for one agent. */
export const codexDefinition = z.strictObject({
  command: z
    .tuple([argument.min(1)], argument)
    .default(["codex"])
    .describe("Program and arguments of your own, executed without a shell."),
  cwd: absoluteFolder,
  home: z
    .enum(["own", "user"])
    .default("own")
    .describe(
      "Its CODEX_HOME. `own`: a private folder of the agent, signed in as you are. `user`: yours, with your settings and sessions. Nothing in yours is ever changed.",
    ),
  model: argument.min(1).optional(),
  sandbox: z.enum(["read-only", "workspace-write", "danger-full-access"]).optional(),
  approvals: z
    .enum(["on-request", "never"])
    .optional()
    .describe("Whether Codex asks before it runs a command."),
  config: z
    .record(settingName, setting)
    .default({})
    .describe("More settings by their dotted names, as `codex -c` takes them."),
  env: environment.default({}),
  readScreensAs: z
    .enum(recordedVersions)
    .optional()
    .describe(
      "Treats any installed version as this one. Absent: a version that was never recorded is not started.",
    ),
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type CodexDefinition = z.infer<typeof codexDefinition>;
