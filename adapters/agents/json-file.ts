/** Files of JSON in an agent's private folder, which its program reads and may write too. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { RouseError } from "../../runtime/errors.ts";
import { orWhenMissing } from "./when-missing.ts";

const object = z.record(z.string(), z.unknown());

/** Empty when there is no file. Throws `launch_failed`. */
export async function readJsonObject(path: string, nextStep: string): Promise<z.infer<typeof object>> {
  try {
    return object.parse(JSON.parse(await readFile(path, "utf8").catch(orWhenMissing("{}"))));
  } catch (cause) {
    throw new RouseError("launch_failed", `cannot read ${path}, or it is no JSON object`, {
      nextStep,
      cause,
    });
  }
}

export function writeJson(path: string, value: unknown): Promise<void> {
  return writePrivately(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Whole or not at all, and not when nothing changes: the program may be reading or writing it right now. Throws `launch_failed`. */
export async function writePrivately(path: string, text: string): Promise<void> {
  try {
    if ((await readFile(path, "utf8").catch(orWhenMissing(null))) === text) return;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(`${path}.${process.pid}.new`, text, { mode: 0o600 });
    await rename(`${path}.${process.pid}.new`, path);
  } catch (cause) {
    throw new RouseError("launch_failed", `cannot write ${path}`, {
      nextStep: "Make the folder writable for the user that runs this node.",
      cause,
    });
  }
}
