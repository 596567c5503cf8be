import { loadConfig, type Config } from "../../config.ts";
import { exposedSecrets, secretFile } from "../../secrets.ts";
import { defineCommand } from "../command.ts";
import { list } from "../render/table.ts";

const masked = "********";

export const config = defineCommand<Record<string, never>>({
  usage: "config",
  summary: "The configuration in force: defaults, config.json, environment. Secrets are masked.",
  remarks: "Of this home and this environment; a running node keeps what it was started with.",
  async run(invocation) {
    const { environment, err } = invocation.surroundings;
    const effective = fromFiles(withoutSecrets(loadConfig(environment)), environment);
    for (const exposure of exposedSecrets(environment)) err(`Warning: ${exposure}.\n`);
    invocation.show(effective, (settings) => list(flattened(settings)));
  },
});

/** Of what stands in a file only where. */
function fromFiles<Settings extends object>(settings: Settings, environment: NodeJS.ProcessEnv): Settings {
  const files = {
    databaseUrl: secretFile(environment, "DATABASE_URL"),
    databaseDirectUrl: secretFile(environment, "DATABASE_DIRECT_URL"),
    webhookSecret: secretFile(environment, "ROUSE_WEBHOOK_SECRET"),
  };
  const named = Object.entries(files).filter(([, path]) => path !== null);
  return { ...settings, ...Object.fromEntries(named.map(([name, path]) => [name, `file ${path}`])) };
}

/** Without the passwords in the database's addresses, also where they stand in the query, and the webhook's path and secret. */
export function withoutSecrets<
  Settings extends Pick<
    Partial<Config>,
    "databaseUrl" | "databaseDirectUrl" | "webhookSecret" | "notifications"
  >,
>(settings: Settings): Settings {
  const { databaseUrl, databaseDirectUrl, webhookSecret, notifications } = settings;
  return {
    ...settings,
    ...(webhookSecret === undefined ? {} : { webhookSecret: masked }),
    ...(notifications?.webhook === undefined ? {} : { notifications: withoutPath(notifications) }),
    ...(databaseUrl === undefined ? {} : { databaseUrl: withoutPassword(databaseUrl) }),
    ...(databaseDirectUrl === undefined ? {} : { databaseDirectUrl: withoutPassword(databaseDirectUrl) }),
  };
}

/** Whoever knows a chat's webhook address may post there. */
function withoutPath({ webhook, ...others }: Config["notifications"]): Config["notifications"] {
  if (webhook === undefined) return others;
  const { origin, pathname } = new URL(webhook.url);
  return { ...others, webhook: { ...webhook, url: pathname === "/" ? `${origin}/` : `${origin}/${masked}` } };
}

/** As text: an address of several hosts in a row is no valid URL. */
function withoutPassword(url: string): string {
  return url
    .replace(/^(?<user>[^:]+:\/\/[^:@/]*):.*@/u, `$<user>:${masked}@`)
    .replaceAll(/(?<name>[?&][^=&]*(?:pass|secret|key)[^=&]*)=[^&]*/giu, `$<name>=${masked}`);
}

function flattened(value: object, prefix = ""): [string, string | number | null][] {
  return Object.entries(value).flatMap(([name, entry]): [string, string | number | null][] => {
    const path = `${prefix}${name}`;
    if (typeof entry === "object" && entry !== null) return flattened(entry as object, `${path}.`);
    return [[path, entry === undefined ? null : String(entry)]];
  });
}
