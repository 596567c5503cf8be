import { z } from "zod";
import { absoluteFolder, argument, environment } from "../fields.ts";
import { recordedVersions } from "./screens.ts";

/** How Claude Code is run for one agent. Sign-in comes from the node's own environment, `env`, or `configFolder`. */
export const claudeCodeDefinition = z.strictObject({
  command: z
    .tuple([argument.min(1)], argument)
    .default(["claude"])
    .describe("Program and arguments of your own, executed without a shell."),
  cwd: absoluteFolder,
  env: environment.default({}),
  permissionMode: z
    .enum(["manual", "acceptEdits", "auto", "plan", "dontAsk", "bypassPermissions"])
    .optional()
    .describe(
      "As `--permission-mode`. Absent: `manual`, or with a `configFolder` what the settings there say.",
    ),
  configFolder: absoluteFolder
    .optional()
    .describe(
      "Its CLAUDE_CONFIG_DIR, for instance where you are signed in; nothing is written there. Absent: a private folder of the agent, in which first-run dialogs are answered.",
    ),
  readScreensAs: z
    .enum(recordedVersions)
    .optional()
    .describe(
      "Reads the screens of any installed version as this one's. Absent: a version that was never recorded is not typed into.",
    ),
  enterDelayMs: z.int().min(0).max(5_000).default(100),
});

export type ClaudeCodeDefinition = z.infer<typeof claudeCodeDefinition>;
