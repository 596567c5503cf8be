import { RouseError } from "../../runtime/errors.ts";
import { acp } from "./acp/kind.ts";
import { claudeCode } from "./claude-code/kind.ts";
import { codex } from "./codex/kind.ts";
import { gemini } from "./gemini/kind.ts";
import { generic } from "./generic/kind.ts";
import type { AgentKind, AgentProgram } from "./kind.ts";
import { opencode } from "./opencode/kind.ts";

export type AgentKinds = Readonly<Record<string, AgentKind>>;

export const agentKinds: AgentKinds = {
  [codex.kind]: codex,
  [claudeCode.kind]: claudeCode,
  [opencode.kind]: opencode,
  [gemini.kind]: gemini,
  [acp.kind]: acp,
  [generic.kind]: generic,
};

/** Throws `invalid_input` for an unknown kind or a definition that the kind does not understand. */
export function readAgentProgram(kinds: AgentKinds, kind: string, definition: unknown): AgentProgram {
  return agentKindOf(kinds, kind).read(definition);
}

/** Throws `invalid_input` for an unknown one. */
export function agentKindOf(kinds: AgentKinds, kind: string): AgentKind {
  const known = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  if (known === undefined) {
    throw new RouseError("invalid_input", `agent kind ${JSON.stringify(kind)} is unknown`, {
      nextStep: `Use one of: ${Object.keys(kinds).join(", ")}.`,
      details: { kinds: Object.keys(kinds) },
    });
  }
  return known;
}
