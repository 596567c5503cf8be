import { accessSync, constants, statSync } from "node:fs";
import { join, resolve } from "node:path";

/** Path of an installed program, as a shell would find it by PATH; null when there is none. */
export function findProgram(name: string, path = ""): string | null {
  const folders = path.split(":").map((folder) => (folder === "" ? "." : folder));
  return folders.map((folder) => resolve(join(folder, name))).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
