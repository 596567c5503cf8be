import { z } from "zod";
import { absoluteFolder, argument, environment } from "../fields.ts";
import { recordedVersions } from "./screens.ts";

/** How Gemini CLI is run for one agent. */
export const geminiDefinition = z.strictObject({
  command: z
    .tuple([argument.min(1)], argument)
    .default(["gemini"])
    .describe("Program and arguments of your own, executed without a shell."),
  cwd: absoluteFolder,
  model: argument.min(1).optional(),
  approvalMode: z
    .enum(["default", "auto_edit", "yolo", "plan"])
    .optional()
    .describe("As `--approval-mode`: what it may do without asking."),
  settings: z
    .record(z.string(), z.json())
    .default({})
    .describe(
      "More settings, as its `settings.json` has them. Our server, hooks and screens are ours to set.",
    ),
  env: environment.default({}),
  readScreensAs: z
    .enum(recordedVersions)
    .optional()
    .describe(
      "Treats any installed version as this one. Absent: a version that was never recorded is not started.",
    ),
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type GeminiDefinition = z.infer<typeof geminiDefinition>;
