import { readFile, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { findProgram } from "../find-program.ts";
import type { Installable } from "../host-checks.ts";
import { recordedVersions } from "./screens.ts";

const npmPackage = "@google/gemini-cli";

export const geminiInstallable: Installable = {
  title: "Gemini CLI",
  program: "gemini",
  package: npmPackage,
  recordedVersions,
  findVersion: packagedVersion,
};

const manifest = z.object({ name: z.literal(npmPackage), version: z.string() });

/** Asked for its version, the program takes seconds, and many on a busy machine: its npm package tells it at once. */
async function packagedVersion(
  [program]: readonly [string, ...string[]],
  { PATH }: Readonly<Record<string, string | undefined>>,
): Promise<string | null> {
  const found = isAbsolute(program) ? program : findProgram(program, PATH);
  if (found === null) return null;
  let folder = dirname(await realpath(found).catch(() => "/"));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => null);
    if (text !== null) return versionIn(text);
  }
  return null;
}

function versionIn(text: string): string | null {
  try {
    return manifest.parse(JSON.parse(text)).version;
  } catch {
    return null;
  }
}
