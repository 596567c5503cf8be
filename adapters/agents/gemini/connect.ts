import { join } from "node:path";
import { folderIn, type Host, type ServerCommand, type SettingsEdit } from "../host.ts";
import { json } from "../settings/json-format.ts";
import { geminiFolder } from "./home.ts";

export const serverName = "rouse";

export function geminiSettingsFolder(host: Host): string {
  return geminiFolder(folderIn(host, "GEMINI_CLI_HOME") ?? host.home);
}

/** For all projects of the person, as `gemini mcp add --scope user --trust` has it. */
export function geminiEdits(host: Host, { command, args, env }: ServerCommand): SettingsEdit[] {
  const value = { command, args, env, trust: true };
  const path = join(geminiSettingsFolder(host), "settings.json");
  return [{ path, format: json, entry: { into: ["mcpServers"], name: serverName, value } }];
}
