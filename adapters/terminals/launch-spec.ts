/** What the launcher reads: the one way in which a caller's text reaches a new terminal. */
import { randomUUID } from "node:crypto";
import { readdirSync, statSync, unlinkSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { RouseError } from "../../runtime/errors.ts";
import type { LaunchRequest } from "../../runtime/terminal.ts";
import { ensurePrivateFolder } from "./private-folder.ts";

export const launchSpec = z.object({
  argv: z.tuple([z.string().min(1)], z.string()),
  cwd: z.string().startsWith("/"),
  env: z.record(z.string().regex(/^[^=\0]+$/), z.string()),
});
export type LaunchSpec = z.infer<typeof launchSpec>;

const runtimeIdPattern = /^[a-z0-9-]{1,64}$/;
const abandonedAfterMs = 60_000;

/** `.ts` in the repository, `.js` in the built package. */
export function siblingProgram(relativePath: string): string {
  return fileURLToPath(new URL(`${relativePath}${extname(import.meta.url)}`, import.meta.url));
}

/** Program and arguments that run the launcher on a spec file; constants and paths of our own making only. */
export function launcherArgv(specPath: string): readonly [string, ...string[]] {
  return [process.execPath, "--no-warnings", siblingProgram("./launcher"), specPath];
}

export function checkLaunchRequest(request: LaunchRequest): LaunchSpec {
  requireRuntimeId(request.runtimeId);
  const parsed = launchSpec.safeParse({ argv: request.argv, cwd: request.cwd, env: request.env });
  const hasZero = [...request.argv, request.cwd, ...Object.values(request.env)].some((text) =>
    text.includes("\0"),
  );
  if (!parsed.success || hasZero) {
    throw new RouseError(
      "invalid_input",
      "A launch needs a program, an absolute folder and a plain environment.",
      {
        details: { problem: parsed.success ? "zero byte" : z.prettifyError(parsed.error) },
      },
    );
  }
  return parsed.data;
}

export function requireRuntimeId(runtimeId: string): string {
  if (runtimeIdPattern.test(runtimeId)) return runtimeId;
  throw new RouseError("invalid_input", "A runtime id consists of 1 to 64 of a-z, 0-9 and -.", {
    details: { runtimeId },
  });
}

/** Writes the spec with mode 0600 into `folder`; the launcher deletes it as soon as it has read it. */
export function writeLaunchSpec(folder: string, spec: LaunchSpec, now: number): string {
  ensurePrivateFolder(folder);
  removeAbandonedSpecs(folder, now);
  const path = join(folder, `launch-${randomUUID()}.json`);
  writeFileSync(path, JSON.stringify(spec), { mode: 0o600, flag: "wx" });
  return path;
}

export function removeLaunchSpec(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The launcher was faster.
  }
}

/** A launcher that was killed before it read its spec leaves the program's secrets on the disk. */
function removeAbandonedSpecs(folder: string, now: number): void {
  for (const name of readdirSync(folder)) {
    if (!name.startsWith("launch-")) continue;
    const path = join(folder, name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && now - stat.mtimeMs > abandonedAfterMs) removeLaunchSpec(path);
  }
}
