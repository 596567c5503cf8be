import { installedVersion } from "../installed-version.ts";
import { defineAgentKind, type AgentProgram } from "../kind.ts";
import { geminiEdits, geminiSettingsFolder } from "./connect.ts";
import { geminiDefinition } from "./definition.ts";
import { geminiChecks } from "./doctor.ts";
import { geminiInstallable } from "./installable.ts";
import { launchGemini, sessionOf } from "./launch.ts";
import { observeGemini } from "./observe.ts";
import { prepareGemini } from "./prepare.ts";
import { isSessionOpen } from "./process-files.ts";
import { geminiScreens } from "./screens.ts";
import { findPrompt } from "./session-record.ts";

export const gemini = defineAgentKind({
  kind: "gemini",
  definition: geminiDefinition,
  hosted: {
    title: geminiInstallable.title,
    checks: geminiChecks,
    settingsFolder: geminiSettingsFolder,
    edits: geminiEdits,
  },
  program(definition): AgentProgram {
    return {
      patterns: geminiScreens,
      enterDelayMs: definition.enterDelayMs,
      canResume: true,
      readsTokenFile: false,
      sessionOf,
      launch: (plan, identity) => launchGemini(definition, plan, identity),
      prepare: (identity, folder) => prepareGemini(definition, identity, folder),
      observe: (program, tell, signal) => observeGemini(program.folder, program, tell, signal),
      findPrompt: ({ folder }, text, since) => findPrompt(folder, text, since),
      isSessionHeld: (sessionId, folder) => isSessionOpen(folder, sessionId),
      version: (signal) => installedVersion(geminiInstallable, definition, signal),
    };
  },
});
