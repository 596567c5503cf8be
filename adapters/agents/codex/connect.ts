import { readFileSync } from "node:fs";
import { join } from "node:path";
import { folderIn, type Host, type ServerCommand, type SettingsEdit } from "../host.ts";
import { isObject, standing } from "../settings/entry.ts";
import { toml } from "../settings/toml-format.ts";
import { ourServer } from "./server.ts";

export function codexSettingsFolder(host: Host): string {
  return folderIn(host, "CODEX_HOME") ?? join(host.home, ".codex");
}

/**
 * Whether the settings in this CODEX_HOME start our server as a program. Codex merges what it is told at its start with them,
 * and refuses a server that has both a program and an address.
 */
export function startsOurServer(codexHome: string): boolean {
  try {
    const settings = toml.parse(readFileSync(join(codexHome, "config.toml"), "utf8"));
    const server = standing(settings, { into: ["mcp_servers"], name: "rouse", value: "" });
    return isObject(server) && Array.isArray(server["args"]) && server["args"].includes("mcp");
  } catch {
    return false;
  }
}

/** Codex gives a server no more of its environment than what is named here. */
export const passedOn = ["ROUSE_TOKEN", "ROUSE_TOKEN_FILE", "ROUSE_URL"];

export function codexEdits(host: Host, { command, args, env }: ServerCommand): SettingsEdit[] {
  const server = {
    command,
    args,
    ...(Object.keys(env).length === 0 ? {} : { env }),
    env_vars: passedOn,
    ...ourServer,
  };
  const path = join(codexSettingsFolder(host), "config.toml");
  return [{ path, format: toml, entry: { into: ["mcp_servers"], name: "rouse", value: server } }];
}
