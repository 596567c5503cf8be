import { join } from "node:path";
import { folderIn, type Host, type ServerCommand, type SettingsEdit } from "../host.ts";
import { json } from "../settings/json-format.ts";
import { serverName } from "./prepare.ts";

export function claudeCodeSettingsFolder(host: Host): string {
  return folderIn(host, "CLAUDE_CONFIG_DIR") ?? join(host.home, ".claude");
}

/** Without a folder of its own the program keeps this one file beside it. */
function serversPath(host: Host): string {
  return join(folderIn(host, "CLAUDE_CONFIG_DIR") ?? host.home, ".claude.json");
}

/** For all projects of the person, as `claude mcp add --scope user` has it; and our tools allowed, as in what we launch. */
export function claudeCodeEdits(host: Host, { command, args, env }: ServerCommand): SettingsEdit[] {
  // Without `alwaysLoad` our tools hide behind a search.
  const server = { type: "stdio", command, args, env, alwaysLoad: true };
  const permission = `mcp__${serverName}`;
  return [
    {
      path: serversPath(host),
      format: json,
      entry: { into: ["mcpServers"], name: serverName, value: server },
    },
    {
      path: join(claudeCodeSettingsFolder(host), "settings.json"),
      format: json,
      entry: { into: ["permissions", "allow"], name: null, value: permission },
    },
  ];
}
