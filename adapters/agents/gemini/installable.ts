import type { Installable } from "../host-checks.ts";
import type { RunProgram } from "../installed-version.ts";
import type { GeminiDefinition } from "./definition.ts";
import { recordedVersions } from "./screens.ts";

export const geminiInstallable: Installable = {
  title: "Gemini CLI",
  program: "gemini",
  package: "@google/gemini-cli",
  recordedVersions,
};

/** As it is asked for its version: left to itself it starts a second process first, which takes as long again. */
export function asked({ command, env, readScreensAs }: GeminiDefinition): RunProgram {
  return { command, env: { ...env, GEMINI_CLI_NO_RELAUNCH: "true" }, readScreensAs };
}
