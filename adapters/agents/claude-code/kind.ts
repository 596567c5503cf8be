import { installedVersion } from "../installed-version.ts";
import { defineAgentKind, type AgentProgram } from "../kind.ts";
import { claudeCodeEdits, claudeCodeSettingsFolder } from "./connect.ts";
import { claudeCodeDefinition } from "./definition.ts";
import { claudeCodeChecks } from "./doctor.ts";
import { launchClaudeCode, sessionOf } from "./launch.ts";
import { observeSession } from "./observe.ts";
import { configFolderOf, prepareFolder } from "./prepare.ts";
import { findPrompt } from "./prompt-history.ts";
import { claudeCodeScreens, recordedVersions } from "./screens.ts";
import { isSessionOpen } from "./session-files.ts";

export const claudeCode = defineAgentKind({
  kind: "claude-code",
  definition: claudeCodeDefinition,
  hosted: {
    title: "Claude Code",
    checks: claudeCodeChecks,
    settingsFolder: claudeCodeSettingsFolder,
    edits: claudeCodeEdits,
  },
  program(definition): AgentProgram {
    return {
      patterns: claudeCodeScreens,
      enterDelayMs: definition.enterDelayMs,
      canResume: true,
      readsTokenFile: false,
      sessionOf,
      launch: (plan, identity) => launchClaudeCode(definition, plan, identity),
      prepare: (identity, folder) => prepareFolder(definition, identity, folder),
      observe: (program, tell, signal) =>
        observeSession(program, configFolderOf(definition, program.folder), tell, signal),
      findPrompt: ({ folder }, text, since) => findPrompt(configFolderOf(definition, folder), text, since),
      isSessionHeld: (sessionId, folder) => isSessionOpen(configFolderOf(definition, folder), sessionId),
      version: (signal) => installedVersion({ recordedVersions }, definition, signal),
    };
  },
});
