import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { installedVersion } from "../installed-version.ts";
import { defineAgentKind, type AgentProgram } from "../kind.ts";
import { codexEdits, codexSettingsFolder } from "./connect.ts";
import { codexDefinition } from "./definition.ts";
import { codexChecks } from "./doctor.ts";
import { codexHomeOf, sessionPattern } from "./home.ts";
import { codexInstallable } from "./installable.ts";
import { launchCodex } from "./launch.ts";
import { prepareCodex } from "./prepare.ts";
import { codexScreens } from "./screens.ts";
import { observeCodex } from "./source.ts";
import { codexTurns } from "./turn-channel.ts";
import { isHeld } from "./writer-lock.ts";

export const codex = defineAgentKind({
  kind: "codex",
  definition: codexDefinition,
  hosted: {
    title: "Codex",
    checks: codexChecks,
    settingsFolder: codexSettingsFolder,
    edits: codexEdits,
  },
  program(definition): AgentProgram {
    return {
      patterns: codexScreens,
      enterDelayMs: definition.enterDelayMs,
      canResume: true,
      readsTokenFile: false,
      sessionOf: ({ purpose, sessionId }: LaunchPlan) => (purpose === "resume" ? sessionId : null),
      launch: (plan, identity) => launchCodex(definition, plan, identity),
      prepare: (_, folder) => prepareCodex(definition, folder),
      observe: (program, tell, signal) =>
        observeCodex(codexHomeOf(definition, program.folder), program, tell, signal),
      channels: [codexTurns(definition)],
      async isSessionHeld(sessionId, folder) {
        if (!sessionPattern.test(sessionId)) return null;
        return isHeld(codexHomeOf(definition, folder), sessionId).catch(() => null);
      },
      version: (signal) => installedVersion(codexInstallable, definition, signal),
    };
  },
});
