import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";

/** Path of an installed program by PATH, without what that finds only in some folders; null when there is none. */
export function findProgram(name: string, path = ""): string | null {
  const folders = path.split(":").filter(isAbsolute);
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
