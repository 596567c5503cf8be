import type { Installable } from "../host-checks.ts";
import { recordedVersions } from "./screens.ts";

export const codexInstallable: Installable = {
  title: "Codex",
  program: "codex",
  package: "@openai/codex",
  recordedVersions,
};
