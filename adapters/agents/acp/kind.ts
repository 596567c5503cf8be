import { wakeIdOf } from "../../ports/wake-line.ts";
import { defineAgentKind, type AgentProgram } from "../kind.ts";
import { acpPrompt } from "./channel.ts";
import { acpDefinition } from "./definition.ts";
import { acpChecks } from "./doctor.ts";
import { readWakes } from "./journal.ts";
import { launchAcp, requireProgram } from "./launch.ts";
import { journalPathOf } from "./place.ts";
import { acpScreens } from "./screens.ts";
import { isSessionOpen, observeHost } from "./source.ts";

export const acp = defineAgentKind({
  kind: "acp",
  definition: acpDefinition,
  checks: acpChecks,
  program(definition): AgentProgram {
    return {
      patterns: acpScreens,
      enterDelayMs: definition.enterDelayMs,
      canResume: true,
      readsTokenFile: false,
      sessionOf: ({ purpose, sessionId }) => (purpose === "resume" ? sessionId : null),
      launch: (plan, identity) => launchAcp(definition, plan, identity),
      prepare: async (identity) => requireProgram(definition, identity),
      observe: observeHost,
      channels: [acpPrompt],
      async findPrompt({ folder }, text, since) {
        const wakeId = wakeIdOf(text);
        const isThis = readWakes(journalPathOf(folder)).find(
          (each) => each.wakeId === wakeId && each.at >= since,
        );
        return isThis?.at ?? null;
      },
      isSessionHeld: (sessionId, folder) => isSessionOpen(folder, sessionId),
    };
  },
});
