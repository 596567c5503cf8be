import { loadConfig } from "../../config.ts";
import { defineCommand } from "../command.ts";
import { list } from "../render/table.ts";

const masked = "********";

export const config = defineCommand<Record<string, never>>({
  usage: "config",
  summary: "The configuration in force: defaults, config.json, environment. Secrets are masked.",
  remarks: "Of this home and this environment; a running node keeps what it was started with.",
  async run(invocation) {
    const effective = loadConfig(invocation.surroundings.environment);
    invocation.show(withoutSecrets(effective), (settings) => list(flattened(settings)));
  },
});

/** The password in the database's address, also where it stands in the query. */
export function withoutSecrets<Settings extends { databaseUrl?: string | undefined }>(
  settings: Settings,
): Settings {
  const { databaseUrl } = settings;
  if (databaseUrl === undefined) return settings;
  const url = new URL(databaseUrl);
  if (url.password !== "") url.password = masked;
  for (const name of url.searchParams.keys()) {
    if (/pass|secret|key/i.test(name)) url.searchParams.set(name, masked);
  }
  return { ...settings, databaseUrl: url.href };
}

function flattened(value: object, prefix = ""): [string, string | number | null][] {
  return Object.entries(value).flatMap(([name, entry]): [string, string | number | null][] => {
    const path = `${prefix}${name}`;
    if (typeof entry === "object" && entry !== null) return flattened(entry as object, `${path}.`);
    return [[path, entry === undefined ? null : String(entry)]];
  });
}
