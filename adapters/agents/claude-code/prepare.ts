import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { ClaudeCodeDefinition } from "./definition.ts";
import type { LaunchIdentity } from "../kind.ts";
import { readJsonObject, writeJson } from "../json-file.ts";

export const serverName = "rouse";

export function filesIn(folder: string) {
  return { mcpConfig: join(folder, "mcp.json"), settings: join(folder, "settings.json") };
}

export function configFolderOf({ configFolder }: ClaudeCodeDefinition, folder: string): string {
  return configFolder ?? join(folder, "config");
}

/**
 * Over HTTP the program drops a server that is away for some seconds, for good: so it gets a process of its own, which
 * outlives our restarts. Without `alwaysLoad` our tools hide behind a search. The token comes from the program's environment.
 */
function mcpConfigOf({ stdioServer, credential }: LaunchIdentity): object {
  const { command, args, env } = stdioServer;
  const variable = "token" in credential ? "ROUSE_TOKEN" : "ROUSE_TOKEN_FILE";
  const server = { type: "stdio", command, args, env: { ...env, [variable]: `\${${variable}}` } };
  return { mcpServers: { [serverName]: { ...server, alwaysLoad: true } } };
}

const settings = { permissions: { allow: [`mcp__${serverName}`] } };

/** Writes our own two files, and in a private configuration folder the answers to first-run dialogs. */
export async function prepareFolder(
  definition: ClaudeCodeDefinition,
  identity: LaunchIdentity,
  folder: string,
): Promise<void> {
  const files = filesIn(folder);
  await writeJson(files.mcpConfig, mcpConfigOf(identity));
  await writeJson(files.settings, settings);
  if (definition.configFolder === undefined) await answerFirstRunDialogs(definition, folder);
}

const object = z.record(z.string(), z.unknown());

/**
 * Under a blind Enter the trust dialog ends the program and the one about auto mode switches that on. What the program
 * wrote into its file stays.
 */
async function answerFirstRunDialogs(definition: ClaudeCodeDefinition, folder: string): Promise<void> {
  const path = join(configFolderOf(definition, folder), ".claude.json");
  const former = await readJsonObject(
    path,
    "Repair or remove it; Claude Code keeps copies in the folder `backups` beside it.",
  );
  const cwd = await realpath(definition.cwd);
  const projects = object.catch({}).parse(former["projects"]);
  const project = object.catch({}).parse(projects[cwd]);
  const wanted = {
    theme: "dark",
    ...former,
    hasCompletedOnboarding: true,
    hasSeenAutoDefaultNotice: true,
    hasSeenAutoDefaultNudge: true,
    ...(definition.permissionMode === "bypassPermissions" ? { bypassPermissionsModeAccepted: true } : {}),
    projects: { ...projects, [cwd]: { ...project, hasTrustDialogAccepted: true } },
  };
  // The program formats it its own way.
  if (!isDeepStrictEqual(wanted, former)) await writeJson(path, wanted);
}
