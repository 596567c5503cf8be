/** Checks that the kinds share. */
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { findProgram } from "./find-program.ts";
import type { Finding, Host, HostCheck, HostedProgram } from "./host.ts";
import { programVersion } from "./program-version.ts";
import { isConnected } from "./settings/connection.ts";

/** A program as it is installed from npm. */
export interface Installable {
  title: string;
  /** Its command. */
  program: string;
  /** On npm. */
  package: string;
  recordedVersions: readonly string[];
  /** Its version without running it; null where that cannot be told. */
  findVersion?(
    command: readonly [string, ...string[]],
    environment: Readonly<Record<string, string | undefined>>,
  ): Promise<string | null>;
}

export function programCheck({ title, program, ...installable }: Installable): HostCheck {
  return {
    code: "program",
    step: `looking for ${program}`,
    needsProgram: false,
    async look({ environment }) {
      const path = findProgram(program, environment["PATH"]);
      if (path !== null) return { status: "ok", text: `${title} is ${path}.` };
      return {
        status: "fail",
        text: `${program} is in no folder of PATH.`,
        nextStep: `Run ${installOf(installable)}, or register agents with a \`command\` of your own.`,
      };
    },
  };
}

export function versionCheck(installable: Installable): HostCheck {
  const { title, program, recordedVersions } = installable;
  return {
    code: "version",
    step: `asking ${title} for its version`,
    needsProgram: true,
    async look({ environment }, signal) {
      const found = await findVersion(installable, [program], environment, signal);
      const install = installOf(installable);
      if (found === null) {
        return {
          status: "fail",
          text: `${program} --version tells no version within its time.`,
          nextStep: `Install it anew: ${install}.`,
        };
      }
      if (recordedVersions.includes(found)) return { status: "ok", text: `Version ${found} is known.` };
      return {
        status: "fail",
        text: `Version ${found} was never recorded: it is not woken, since its screens and files may differ.`,
        nextStep: `Run ${install}, or register agents with "readScreensAs": "${recordedVersions.at(-1) ?? ""}".`,
      };
    },
  };
}

/** Version of an installed program; null when it is not there or does not tell. */
export async function findVersion(
  installable: Pick<Installable, "findVersion">,
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | null> {
  const found = await installable.findVersion?.(command, environment);
  return found ?? programVersion(command, environment, signal);
}

/** The command that installs it. */
export function installOf({
  package: name,
  recordedVersions,
}: Pick<Installable, "package" | "recordedVersions">): string {
  return `npm install --global ${name}@${recordedVersions.at(-1) ?? "latest"}`;
}

/** Whether settings can be written, which only \`connect\` does. */
export function settingsCheck(folderOf: (host: Host) => string): HostCheck {
  return {
    code: "settings",
    step: "looking at its settings",
    needsProgram: false,
    async look(host) {
      const folder = folderOf(host);
      if (await isWritable(folder))
        return { status: "ok", text: `Its settings in ${folder} can be written.` };
      return {
        status: "fail",
        text: `Its settings in ${folder} cannot be written.`,
        nextStep: `Make ${folder} a folder that your user may write.`,
      };
    },
  };
}

/** Also where it would have to be made first. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    if (!(await stat(folder)).isDirectory()) return false;
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return isMissing && folder !== dirname(folder) && isWritable(dirname(folder));
  }
}

/** `connect`: the command that does it. */
export async function connectedFinding(
  program: HostedProgram,
  host: Host,
  connect: string,
): Promise<Finding> {
  try {
    if (await isConnected(program, host)) return { status: "ok", text: "Your own sessions have our tools." };
    return {
      status: "warn",
      text: "Your own sessions do not have our tools; agents that Rouse launches do.",
      nextStep: `Run ${connect}.`,
    };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return {
      status: "fail",
      text: `Its settings cannot be read: ${text.split("\n", 1)[0] ?? ""}.`,
      nextStep: "Correct the file: the program itself will not read it either.",
    };
  }
}
