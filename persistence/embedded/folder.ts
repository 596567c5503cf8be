import { access, chmod, constants, mkdir } from "node:fs/promises";

import { RouseError } from "../../runtime/errors.ts";
import { isErrno } from "./process.ts";

/**
 * Makes `dir` (with its parents) if it is not there, gives it exactly `mode`, and proves that we may write in it.
 * @throws RouseError directory_not_writable
 */
export async function makeFolder(dir: string, mode: number): Promise<void> {
  try {
    const created = await mkdir(dir, { recursive: true });
    // mkdir's own mode is cut by the umask; a folder that was there keeps what its owner chose unless it is ours.
    if (created !== undefined) await chmod(dir, mode);
    await access(dir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw asFolderError(error, dir);
  }
}

/** Turns a refused write or a full disk into a RouseError that names `dir`; any other error comes back unchanged. */
export function asFolderError(error: unknown, dir: string): unknown {
  if (isErrno(error, "ENOSPC", "EDQUOT")) return diskFull(dir, error);
  if (!isErrno(error, "EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST")) return error;
  return new RouseError("directory_not_writable", `The folder ${dir} cannot be written (${error.code}).`, {
    nextStep: "Give this user the right to write there, or choose another folder.",
    details: { dir, errno: error.code },
    cause: error,
  });
}

export function diskFull(dir: string, cause?: unknown): RouseError {
  return new RouseError("directory_not_writable", `The disk that holds ${dir} is full.`, {
    nextStep: "Free some space (about 100 MB for a new database), then try again.",
    details: { dir, errno: "ENOSPC" },
    cause,
  });
}
