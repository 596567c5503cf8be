import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { parseCapturedScreen } from "../../../adapters/terminals/tmux/captured-screen.ts";
import type { TerminalView } from "../../../runtime/terminal.ts";

const recording = z.object({
  cursor: z.object({ row: z.int(), column: z.int() }),
  title: z.string(),
  foreground: z.string(),
  /** As `tmux capture-pane -p -e` printed it. */
  captured: z.string(),
  reading: z.object({
    activity: z.string(),
    dialog: z.string().optional(),
    draft: z.string().nullable().optional(),
  }),
});

const folder = join(import.meta.dirname, "../../fixtures/screens");

/** Versions that have a folder of their own. */
export function versionsOf(kind: string): string[] {
  return readdirSync(join(folder, kind)).toSorted();
}

export function recordingsOf(kind: string) {
  return versionsOf(kind).flatMap((version) =>
    readdirSync(join(folder, kind, version)).map((file) => ({
      version,
      name: basename(file, ".json"),
      ...recording.parse(JSON.parse(readFileSync(join(folder, kind, version, file), "utf8"))),
    })),
  );
}

export type Recording = ReturnType<typeof recordingsOf>[number];

export function viewOf({
  cursor,
  title,
  foreground,
  captured,
}: Pick<Recording, "cursor" | "title" | "foreground" | "captured">): TerminalView {
  return {
    ...{ alive: true, cursor, title, foreground, ...parseCapturedScreen(captured) },
    ...{ inCopyMode: false, viewers: 0, humanIdleMs: null },
  };
}
