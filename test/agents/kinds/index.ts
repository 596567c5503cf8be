import { claudeCode } from "./claude-code.ts";
import { codex } from "./codex.ts";
import type { PlayedKind } from "./kind.ts";

export const playedKinds: readonly PlayedKind[] = [codex, claudeCode];
