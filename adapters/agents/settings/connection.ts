import { z } from "zod";
import { RouseError } from "../../../runtime/errors.ts";
import type { Host, HostedProgram, ServerCommand } from "../host.ts";
import {
  type Change,
  type FileState,
  ownEntry,
  type OwnEntry,
  withEntryIn,
  withoutEntryIn,
} from "./change.ts";
import { standing } from "./entry.ts";
import { readSettingsFile, type SettingsFile, writeSettingsFile } from "./settings-file.ts";

/** What of ours stands in which file, so that exactly that can be taken out again. */
const record = z.strictObject({ version: z.literal(1), files: z.record(z.string(), ownEntry) });
type OwnEntries = Readonly<Record<string, OwnEntry>>;

/** Stands for any server where only the place of its entry matters. */
const nothing: ServerCommand = { command: "", args: [], env: {} };

export interface Connecting {
  program: HostedProgram;
  host: Host;
  /** Our own record of what we wrote. */
  recordPath: string;
}

interface PlannedFile {
  before: SettingsFile;
  after: Change;
}

/** Changes of files, planned and not yet made. */
export interface Plan {
  files: readonly { path: string; before: string | null; after: string | null }[];
  /** Throws `conflict`, `directory_not_writable`. */
  carryOut(): Promise<void>;
}

/** Null as server: takes out what was put in. Throws before anything is written when one file cannot be changed. */
export async function planConnection(connecting: Connecting, server: ServerCommand | null): Promise<Plan> {
  const { program, host, recordPath } = connecting;
  const { file: recordFile, files: own } = await readRecord(recordPath);
  const edits = program.edits(host, server ?? nothing);
  const planned: PlannedFile[] = [];
  for (const edit of edits) {
    const before = await readSettingsFile(edit.path, [host.home, program.settingsFolder(host)]);
    const state: FileState = { ...before, format: edit.format, own: own[before.path] ?? null };
    planned.push({ before, after: server === null ? withoutEntryIn(state) : withEntryIn(state, edit.entry) });
  }
  return {
    files: planned.map(({ before, after }) => ({
      path: before.path,
      before: before.text,
      after: after.text,
    })),
    carryOut: () => carryOut(planned, recordFile, own),
  };
}

/** Noted before it is written, and forgotten after it is gone: what is ours is never taken for somebody else's. */
async function carryOut(
  planned: readonly PlannedFile[],
  recordFile: SettingsFile,
  own: OwnEntries,
): Promise<void> {
  const added = planned.flatMap(({ before, after }) =>
    after.own === null ? [] : [[before.path, after.own] as const],
  );
  const noted = await note(recordFile, { ...own, ...Object.fromEntries(added) });
  for (const { before, after } of planned)
    if (before.text !== after.text) await writeSettingsFile(before, after.text);
  const gone = new Set(planned.flatMap(({ before, after }) => (after.own === null ? [before.path] : [])));
  const left = Object.entries(own).filter(([path]) => !gone.has(path));
  await note(noted, { ...Object.fromEntries(left), ...Object.fromEntries(added) });
}

async function note(file: SettingsFile, files: OwnEntries): Promise<SettingsFile> {
  const isEmpty = Object.keys(files).length === 0;
  const text = isEmpty ? null : `${JSON.stringify({ version: 1, files }, null, 2)}\n`;
  if (text !== file.text) await writeSettingsFile(file, text);
  return { ...file, text };
}

async function readRecord(path: string): Promise<{ file: SettingsFile; files: OwnEntries }> {
  const file = await readSettingsFile(path, []);
  if (file.text === null) return { file, files: {} };
  try {
    return { file, files: record.parse(JSON.parse(file.text)).files };
  } catch (cause) {
    throw new RouseError("invalid_input", `${path}, our record of what was connected, cannot be understood`, {
      nextStep: "Remove it; then take our entries out of the program's settings by hand.",
      details: { path },
      cause,
    });
  }
}

/** Whether something stands in the entry's place. Throws where that cannot be told. */
export async function isConnected(program: HostedProgram, host: Host): Promise<boolean> {
  const [edit] = program.edits(host, nothing);
  if (edit === undefined) return false;
  const { text } = await readSettingsFile(edit.path, [host.home, program.settingsFolder(host)]);
  return standing(edit.format.parse(text ?? ""), edit.entry) !== undefined;
}
