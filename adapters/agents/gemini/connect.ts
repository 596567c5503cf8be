import { join } from "node:path";
import { folderIn, type Host, type ServerCommand, type SettingsEdit } from "../host.ts";
import { json } from "../settings/json-format.ts";
import { geminiFolder } from "./home.ts";

export const serverName = "rouse";

export function geminiSettingsFolder(host: Host): string {
  return geminiFolder(folderIn(host, "GEMINI_CLI_HOME") ?? host.home);
}

/**
 * For all projects of the person, as `gemini mcp add --scope user --trust` has it. Gemini CLI keeps what is called a token from
 * its servers, unless it is named; a name without a value would be handed on as it stands.
 */
export function geminiEdits(host: Host, { command, args, env }: ServerCommand): SettingsEdit[] {
  const token = args.includes("--agent") ? {} : { ROUSE_TOKEN: "$ROUSE_TOKEN" };
  const value = { command, args, env: { ...env, ...token }, trust: true };
  const path = join(geminiSettingsFolder(host), "settings.json");
  return [{ path, format: json, entry: { into: ["mcpServers"], name: serverName, value } }];
}
