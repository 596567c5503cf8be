import { z } from "zod";
import { RouseError } from "../../../runtime/errors.ts";
import { containersOf, covers, type Entry, isSame, type Settings, type SettingsFormat } from "./entry.ts";
import { standing, type Value, withoutEntry } from "./entry.ts";

const value: z.ZodType<Value> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(value), z.record(z.string(), value)]),
);

/** What we put into a file, kept so that it can be taken out again. */
export const ownEntry = z.object({
  entry: z.object({ into: z.array(z.string()), name: z.string().nullable(), value }),
  /** How many of its containers had been there. */
  kept: z.int().min(0),
  /** The very text. */
  added: z.string(),
  /** Whether there had been no file. */
  madeFile: z.boolean(),
});
export type OwnEntry = z.infer<typeof ownEntry>;

export interface FileState {
  path: string;
  format: SettingsFormat;
  /** Null: there is no file. */
  text: string | null;
  /** What of ours is in it; null: nothing. */
  own: OwnEntry | null;
}

export type Change = Pick<FileState, "text" | "own">;

/** The file with the entry. Throws `invalid_input` for what cannot be read, `already_exists` for what others wrote there. */
export function withEntryIn(file: FileState, entry: Entry): Change {
  const { text, own } = file;
  const settings = read(file, text ?? "");
  if (own !== null && standing(settings, own.entry) !== undefined) {
    requireOurs(file, settings, own.entry);
    if (isSame(own.entry, entry)) return { text, own };
    const bare = { ...file, text: takenOut(file, settings, own), own: null };
    const { own: renewed, ...changed } = withEntryIn(bare, entry);
    return { ...changed, own: renewed === null ? null : { ...renewed, madeFile: own.madeFile } };
  }
  const found = standing(settings, entry);
  if (found === undefined) return putIn(file, settings, entry);
  if (covers(found, entry.value)) return { text, own: null };
  throw taken(file.path, entry, "has an entry of this name already, which is not ours");
}

/** The file as if the entry had never been put in. Throws `already_exists` where it is no longer the one that we wrote. */
export function withoutEntryIn(file: FileState): Change {
  const { text, own } = file;
  if (own === null || text === null) return { text, own: null };
  const settings = read(file, text);
  if (standing(settings, own.entry) === undefined) return { text, own: null };
  requireOurs(file, settings, own.entry);
  const left = takenOut(file, settings, own);
  const isEmpty = own.madeFile && Object.keys(read(file, left)).length === 0;
  return { text: isEmpty && /^[\s{}]*$/.test(left) ? null : left, own: null };
}

function putIn(file: FileState, settings: Settings, entry: Entry): Change {
  const kept = containersOf(settings, entry);
  if (kept === null) throw unsuitable(file.path, entry);
  const text = file.text ?? "";
  const { at, added } = file.format.insert(text, entry, kept);
  const whole = text.slice(0, at) + added + text.slice(at);
  const isRight =
    isSame(parsed(file, whole, entry, 0), withoutEntry(settings, entry, 0)) &&
    covers(standing(read(file, whole), entry), entry.value);
  if (!isRight) throw unsuitable(file.path, entry);
  const [into, madeFile] = [[...entry.into], file.text === null];
  return { text: whole, own: { entry: { ...entry, into }, kept, added, madeFile } };
}

/** The very text that we put in, or what a parser takes for the entry; checked to change nothing else. */
function takenOut(file: FileState, settings: Settings, { entry, kept, added }: OwnEntry): string {
  const text = file.text ?? "";
  const candidates = [withoutText(text, added), file.format.cut(text, entry, kept)];
  const right = candidates.find((candidate) => {
    if (candidate === null) return false;
    const left = readOrNull(file.format, candidate);
    return left !== null && [kept, 0].some((count) => isSame(left, withoutEntry(settings, entry, count)));
  });
  if (right !== undefined && right !== null) return right;
  throw taken(file.path, entry, "has our entry in a form that cannot be taken out without touching others");
}

function withoutText(text: string, added: string): string | null {
  const at = text.indexOf(added);
  if (at < 0 || at !== text.lastIndexOf(added)) return null;
  return text.slice(0, at) + text.slice(at + added.length);
}

function requireOurs({ path }: FileState, settings: Settings, entry: Entry): void {
  if (covers(standing(settings, entry), entry.value)) return;
  throw taken(path, entry, "has our entry, but somebody has changed it since");
}

function parsed({ format, path }: FileState, text: string, entry: Entry, kept: number): Settings | null {
  const settings = readOrNull(format, text);
  if (settings === null) throw unsuitable(path, entry);
  return withoutEntry(settings, entry, kept);
}

function readOrNull(format: SettingsFormat, text: string): Settings | null {
  try {
    return format.parse(text);
  } catch {
    return null;
  }
}

function read({ format, path }: FileState, text: string): Settings {
  try {
    return format.parse(text);
  } catch (cause) {
    throw new RouseError("invalid_input", `${path} cannot be understood: ${firstLine(cause)}`, {
      nextStep: "Correct the file; nothing was written.",
      details: { path },
      cause,
    });
  }
}

/** What follows quotes the file, which may hold secrets. */
function firstLine(cause: unknown): string {
  const [line = ""] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
  return line.slice(0, 120);
}

function taken(path: string, entry: Entry, what: string): RouseError {
  return new RouseError("already_exists", `${path} ${what} (${nameOf(entry)})`, {
    nextStep: "Take it out or rename it by hand, then repeat the command; nothing was written.",
    details: { path, entry: nameOf(entry) },
  });
}

function unsuitable(path: string, entry: Entry): RouseError {
  return new RouseError(
    "invalid_input",
    `${path} is written so that ${nameOf(entry)} cannot be added to it`,
    {
      nextStep: "Write the settings around it as an ordinary table or object; nothing was written.",
      details: { path, entry: nameOf(entry) },
    },
  );
}

function nameOf({ into, name, value }: Entry): string {
  return [...into, name ?? JSON.stringify(value)].join(".");
}
