import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { defineAgentKind, type AgentProgram } from "../kind.ts";
import { opencodeEdits, opencodeSettingsFolder } from "./connect.ts";
import { opencodeDefinition } from "./definition.ts";
import { opencodeChecks } from "./doctor.ts";
import { launchOpencode } from "./launch.ts";
import { opencodeVersion, requireOpencode } from "./prepare.ts";
import { opencodePrompt } from "./prompt-channel.ts";
import { opencodeScreens } from "./screens.ts";
import { databaseOf, isDatabaseOpen } from "./sessions.ts";
import { observeOpencode } from "./source.ts";

export const opencode = defineAgentKind({
  kind: "opencode",
  definition: opencodeDefinition,
  hosted: {
    title: "opencode",
    checks: opencodeChecks,
    settingsFolder: opencodeSettingsFolder,
    edits: opencodeEdits,
  },
  program(definition): AgentProgram {
    return {
      patterns: opencodeScreens,
      enterDelayMs: definition.enterDelayMs,
      canResume: true,
      readsTokenFile: false,
      sessionOf: ({ purpose, sessionId }: LaunchPlan) => (purpose === "resume" ? sessionId : null),
      launch: (plan, identity) => launchOpencode(definition, plan, identity),
      prepare: () => requireOpencode(definition),
      observe: observeOpencode,
      channels: [opencodePrompt],
      isSessionHeld: (_, folder) => isDatabaseOpen(databaseOf(definition, folder)),
      version: (signal) => opencodeVersion(definition, signal),
    };
  },
});
