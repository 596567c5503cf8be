import { claudeAgentAcp, codexAcp, geminiAcp } from "./acp.ts";
import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import { gemini } from "./gemini.ts";
import type { PlayedKind } from "./kind.ts";
import { opencode } from "./opencode.ts";

export const playedKinds: readonly PlayedKind[] = [
  ...[codex, claudeCode, opencode, gemini],
  ...[claudeAgentAcp, codexAcp, geminiAcp],
];
