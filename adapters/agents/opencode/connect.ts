import { existsSync } from "node:fs";
import { join } from "node:path";
import { folderIn, type Host, type ServerCommand, type SettingsEdit } from "../host.ts";
import { json } from "../settings/json-format.ts";

export function opencodeSettingsFolder(host: Host): string {
  return join(folderIn(host, "XDG_CONFIG_HOME") ?? join(host.home, ".config"), "opencode");
}

/** The names it reads, the last one counts most. */
const names = ["config.json", "opencode.json", "opencode.jsonc"];

function settingsPath(host: Host): string {
  const folder = opencodeSettingsFolder(host);
  const name = names.toReversed().find((each) => existsSync(join(folder, each))) ?? "opencode.json";
  return join(folder, name);
}

export function opencodeEdits(host: Host, { command, args, env }: ServerCommand): SettingsEdit[] {
  const server = {
    type: "local",
    command: [command, ...args],
    ...(Object.keys(env).length === 0 ? {} : { environment: env }),
    enabled: true,
  };
  return [{ path: settingsPath(host), format: json, entry: { into: ["mcp"], name: "rouse", value: server } }];
}
