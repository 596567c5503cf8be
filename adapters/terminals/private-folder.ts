import { lstatSync, mkdirSync } from "node:fs";
import { RouseError } from "../../runtime/errors.ts";

/** Linux: 108 bytes in sockaddr_un, the closing zero included. */
const maxSocketPathBytes = 107;

/** Creates the folder with mode 0700, or verifies that it is a real folder, ours, and closed to others. */
export function ensurePrivateFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new RouseError("directory_not_writable", `Cannot create the private folder ${folder}.`, {
      nextStep: "Choose a data folder that this user may write.",
      cause,
    });
  }
  const stat = lstatSync(folder);
  const isOurs = process.getuid === undefined || stat.uid === process.getuid();
  if (!stat.isDirectory() || !isOurs || (stat.mode & 0o077) !== 0) {
    throw new RouseError(
      "directory_not_writable",
      `The folder ${folder} must be a real folder of this user with mode 0700.`,
      { nextStep: `Remove it or run: chmod 700 ${folder}` },
    );
  }
}

export function requireSocketPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= maxSocketPathBytes) return path;
  throw new RouseError(
    "invalid_input",
    `The socket path ${path} has ${bytes} bytes; the system allows ${maxSocketPathBytes}.`,
    { nextStep: "Choose a data folder with a shorter path." },
  );
}
