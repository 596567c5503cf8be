import { resolve } from "node:path";
import type { Entry, SettingsFormat } from "./settings/entry.ts";

/** Where a person works with an agent program, beside any node. */
export interface Host {
  environment: Readonly<Record<string, string | undefined>>;
  /** The person's home folder. */
  home: string;
}

/** A folder that the environment names, if it does. */
export function folderIn({ environment }: Host, name: string): string | undefined {
  const folder = environment[name];
  return folder === undefined || folder === "" ? undefined : resolve(folder);
}

export interface Finding {
  status: "ok" | "warn" | "fail";
  /** One sentence. */
  text: string;
  /** What to do about it, one sentence. */
  nextStep?: string;
}

/** One thing that has to be right on a host before agents of a kind work there. */
export interface HostCheck {
  /** For instance `signed_in`. */
  code: string;
  /** What is being done, for whoever waits. */
  step: string;
  /** Left out when the program itself was not found. */
  needsProgram: boolean;
  look: (host: Host, signal: AbortSignal) => Promise<Finding>;
}

/** How `rouse mcp` is started, as a program's settings say it. */
export interface ServerCommand {
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}

/** One entry of ours in one file of the person's settings. */
export interface SettingsEdit {
  path: string;
  format: SettingsFormat;
  entry: Entry;
}

/** What a kind knows of the person's own installation of its program. */
export interface HostedProgram {
  /** For people, such as `Claude Code`. */
  title: string;
  checks: readonly HostCheck[];
  /** Folder of the person's settings. */
  settingsFolder(host: Host): string;
  /** What connects the person's own sessions with us. */
  edits(host: Host, server: ServerCommand): readonly SettingsEdit[];
}
