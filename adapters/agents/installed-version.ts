import { RouseError } from "../../runtime/errors.ts";
import { findVersion, installOf, type Installable } from "./host-checks.ts";

/** What of a definition tells which program is run, and how it is read. */
export interface RunProgram {
  command: readonly [string, ...string[]];
  env: Readonly<Record<string, string>>;
  readScreensAs?: string | undefined;
}

const answersWithinMs = 10_000;

/** Null when it is not there or does not tell. */
export async function installedVersion(
  installable: Pick<Installable, "recordedVersions" | "findVersion">,
  { command, env, readScreensAs }: RunProgram,
  signal: AbortSignal,
): Promise<{ text: string; known: boolean } | null> {
  const text = await findVersion(installable, command, { PATH: process.env["PATH"], ...env }, signal);
  if (text === null) return null;
  return { text, known: readScreensAs !== undefined || installable.recordedVersions.includes(text) };
}

/** Throws `launch_failed`. */
export async function requireKnownVersion(installable: Installable, program: RunProgram): Promise<void> {
  const version = await installedVersion(installable, program, AbortSignal.timeout(answersWithinMs));
  if (version?.known === true) return;
  const { title } = installable;
  const install = installOf(installable);
  throw version === null
    ? new RouseError("launch_failed", `${title} cannot be run as ${JSON.stringify(program.command[0])}`, {
        nextStep: `Install it (${install}), or name its \`command\`.`,
      })
    : new RouseError(
        "launch_failed",
        `${title} ${version.text} is installed, whose screens and files are not known`,
        { nextStep: `Install a known version (${install}), or register the agent with \`readScreensAs\`.` },
      );
}
