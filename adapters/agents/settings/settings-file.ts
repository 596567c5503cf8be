import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { lstat, mkdir, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { RouseError } from "../../../runtime/errors.ts";
import { orWhenMissing } from "../when-missing.ts";

const mostBytes = 16_777_216;

export interface SettingsFile {
  /** Where it really is, whatever links lead there. */
  path: string;
  /** Null: there is none. */
  text: string | null;
}

/**
 * A file of settings. Links are followed as long as they stay in one of the person's own folders. Throws `forbidden` where
 * they leave it or the file is somebody else's, `invalid_input` for what is no text.
 */
export async function readSettingsFile(path: string, ownFolders: readonly string[]): Promise<SettingsFile> {
  const found = await lstat(path)
    .catch(orWhenMissing(null))
    .catch((cause: unknown) => {
      throw new RouseError(
        "directory_not_writable",
        `${dirname(path)} is no folder that your user can read`,
        {
          nextStep: "Make it one, or remove it.",
          details: { path },
          cause,
        },
      );
    });
  if (found === null) return { path: await settled(path), text: null };
  const real = await realpath(path).catch((cause: unknown) => {
    throw new RouseError("invalid_input", `${path} is a link that leads nowhere`, {
      nextStep: "Remove the link, or make the file that it names.",
      cause,
    });
  });
  if (found.isSymbolicLink()) await requireWithin(path, real, ownFolders);
  return { path: real, text: await readText(real) };
}

/** The path without links in its folders, so that a file has one name before and after it is made. */
async function settled(path: string): Promise<string> {
  const folder = await realpath(dirname(path)).catch(orWhenMissing(dirname(path)));
  return join(folder, basename(path));
}

async function requireWithin(path: string, real: string, ownFolders: readonly string[]): Promise<void> {
  for (const folder of ownFolders) {
    const root = await realpath(folder).catch(orWhenMissing(folder));
    if (real.startsWith(root.endsWith(sep) ? root : root + sep)) return;
  }
  throw new RouseError("forbidden", `${path} is a link to ${real}, outside of your own folders`, {
    nextStep: "Write that file yourself, as docs/mcp.md shows.",
    details: { path, target: real },
  });
}

async function readText(path: string): Promise<string> {
  const { size, uid, isFile } = await fileFacts(path);
  if (!isFile) throw unreadable(path, "is no ordinary file");
  if (process.getuid !== undefined && uid !== process.getuid()) {
    throw new RouseError("forbidden", `${path} belongs to another user`, {
      nextStep: "Run this as its owner.",
      details: { path },
    });
  }
  if (size > mostBytes) throw unreadable(path, "is too long for a file of settings");
  try {
    const bytes = await readFile(path);
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(path, cause instanceof TypeError ? "is not UTF-8" : "cannot be read", cause);
  }
}

async function fileFacts(path: string) {
  const facts = await stat(path);
  return { size: facts.size, uid: facts.uid, isFile: facts.isFile() };
}

function unreadable(path: string, what: string, cause?: unknown): RouseError {
  return new RouseError("invalid_input", `${path} ${what}`, {
    nextStep: "Put it right; nothing was written.",
    details: { path },
    cause,
  });
}

/**
 * Whole or not at all, with the mode it had (0600 when new); null removes it. Throws `conflict` when it is no longer what
 * was read, `directory_not_writable`.
 */
export async function writeSettingsFile(
  { path, text: former }: SettingsFile,
  text: string | null,
): Promise<void> {
  const draft = join(dirname(path), `.${basename(path)}.rouse-${randomUUID()}`);
  try {
    if (text === null) {
      await requireUnchanged(path, former);
      return await rm(path);
    }
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeDraft(draft, text, former === null ? 0o600 : (await stat(path)).mode & 0o777);
    // The program may be writing it, too: as late as can be.
    await requireUnchanged(path, former);
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {});
    if (cause instanceof RouseError) throw cause;
    throw new RouseError("directory_not_writable", `cannot write ${path}`, {
      nextStep: "Make the file and its folder writable for your user.",
      details: { path },
      cause,
    });
  }
}

async function writeDraft(draft: string, text: string, mode: number): Promise<void> {
  const file = await open(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(text);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function requireUnchanged(path: string, former: string | null): Promise<void> {
  const now = await readFile(path, "utf8").catch(orWhenMissing(null));
  if (now === former) return;
  throw new RouseError("conflict", `${path} was changed by another program just now`, {
    nextStep: "Repeat the command.",
    details: { path },
  });
}
