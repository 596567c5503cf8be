import { readFileSync } from "node:fs";
import { homedir, hostname } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { defaultNotifierPolicy } from "../machines/notifier/contract.ts";
import { defaultWakePolicy } from "../machines/participant/contract.ts";
import { defaultRuntimePolicy } from "../machines/runtime/events.ts";
import { defaultThreadPolicy } from "../machines/thread/events.ts";
import { RouseError } from "../runtime/errors.ts";
import { defaultHttpLimits } from "./http/limits.ts";
import { readSecret } from "./secrets.ts";
import { defaultTokenPolicy, longestLifetimeMs, longestRefreshMs } from "./operations/tokens.ts";

/** Everything that can be set, from `<home>/config.json` and the environment (which wins). Times in ms. */

/** A policy section: any subset of the default figures, each checked by the default's own type. */
function figures<Policy extends object>(defaults: Policy) {
  const fields = Object.entries(defaults).map(([name, value]) => [name, fieldOf(value)]);
  const schema = z.strictObject(Object.fromEntries(fields) as Record<string, z.ZodType>);
  return schema.prefault({}).transform((value) => value as Policy);
}

function fieldOf(value: unknown): z.ZodType {
  if (typeof value === "boolean") return z.boolean().default(value);
  return z.number().nonnegative().default(Number(value));
}

function isLifetime(ms: number, longest: number): boolean {
  return ms >= 1_000 && ms <= longest;
}

/** What tells people (docs/configuration.md). */
const notifications = z.strictObject({
  webhook: z
    .strictObject({
      url: z.url({ protocol: /^https?$/u, error: "must be an http or https address" }),
      allowPrivate: z.boolean().default(false),
    })
    .refine(({ url, allowPrivate }) => allowPrivate || url.startsWith("https:"), {
      path: ["url"],
      message: "must be https, unless allowPrivate is set",
    })
    .refine(({ url }) => !/^https?:\/\/[^/?#]*@/u.test(url), {
      path: ["url"],
      message: "must not hold a user or password",
    })
    .optional(),
  /** Program and first arguments. */
  command: z.tuple([z.string().min(1)], z.string()).optional(),
  bell: z.boolean().default(false),
  /** Whether what others wrote may leave the node. */
  details: z.boolean().default(false),
  timing: figures(defaultNotifierPolicy),
});

/** Days, or for ever. */
const keep = z.union([z.literal("indefinite"), z.number().positive().max(36_500)]).default("indefinite");

const retention = z.strictObject({
  closedThreadMessagesDays: keep,
  journalDays: keep,
  endedEffectsDays: keep,
  settledDeadLettersDays: keep,
  receiptsDays: keep,
  escalationsDays: keep,
  /** A repetition after that is a new call. */
  idempotencyKeysDays: keep,
});
export type Retention = z.infer<typeof retention>;

const contentRule = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,32}$/u),
  pattern: z.string().min(1).max(1_000),
  action: z.enum(["redact", "refuse"]),
});

export const configSchema = z.strictObject({
  /** Folder of state: database, keys, log. */
  home: z.string(),
  /** TCP port of MCP and REST on loopback. 0 takes a free one. */
  port: z.number().int().min(0).max(65_535).default(7717),
  bind: z.string().default("127.0.0.1"),
  /** Name of this host in the records of runtimes; must stay the same over restarts. */
  host: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,64}$/u)
    .default(() => hostname().slice(0, 64)),
  workspace: z
    .string()
    .regex(/^[a-z0-9-]{1,32}$/u)
    .default("default"),
  /** Absent: an embedded Postgres below `home`. */
  databaseUrl: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//u, "must begin with postgres://")
    .optional(),
  /** The same database past a pooler in transaction mode: LISTEN outlives a transaction. Absent: `databaseUrl`. */
  databaseDirectUrl: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//u, "must begin with postgres://")
    .optional(),
  /** Terminals for agents that are launched here. Absent: tmux where it works, else our own PTY. */
  terminal: z.enum(["tmux", "pty"]).optional(),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  /** Size at which `<home>/node.log` is put aside. */
  logMaxBytes: z.number().int().min(65_536).default(10_485_760),
  /** Logs put aside that are kept. */
  logKept: z.number().int().min(0).max(99).default(5),
  /** Who reads `/metrics`: whoever is on this machine, only who has a token of an overseer, or nobody. */
  metrics: z.enum(["loopback", "token", "off"]).default("loopback"),
  /** Wakes typed for one agent within a minute, over all its threads. */
  wakesPerMinute: z.number().int().positive().default(30),
  /** Wakes typed because of one thread within a minute, for all its participants. */
  threadWakesPerMinute: z.number().int().positive().default(60),
  /** How long what only grows is kept. The audit is kept for ever. */
  retention: retention.prefault({}),
  /** Rules over the text of messages; none by default. */
  contentFilter: z.array(contentRule).max(50).default([]),
  /** How people are told of what needs them. */
  notifications: notifications.prefault({}),
  /** Signs what the webhook is sent. */
  webhookSecret: z
    .string()
    .regex(/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/u, "must be whsec_ and 24 to 64 bytes in base64")
    .optional(),
  wake: figures(defaultWakePolicy),
  thread: figures(defaultThreadPolicy),
  runtime: figures(defaultRuntimePolicy),
  http: figures(defaultHttpLimits),
  /** Host names by which callers reach this node, besides those of loopback. */
  allowedHosts: z
    .array(z.string().regex(/^[a-z0-9.:[\]-]{1,253}$/u, "must be a host name in lower case"))
    .default([]),
  /** Origins of foreign pages that may call this node. */
  allowedOrigins: z
    .array(z.string().regex(/^https?:\/\/[^/]+$/u, "must be scheme and host alone"))
    .default([]),
  tokens: figures(defaultTokenPolicy)
    .refine(({ sessionMs }) => isLifetime(sessionMs, longestLifetimeMs), {
      path: ["sessionMs"],
      message: "must be from 1 second to 12 hours",
    })
    .refine(({ refreshableMs }) => isLifetime(refreshableMs, longestLifetimeMs), {
      path: ["refreshableMs"],
      message: "must be from 1 second to 12 hours",
    })
    .refine(({ refreshForMs }) => isLifetime(refreshForMs, longestRefreshMs), {
      path: ["refreshForMs"],
      message: "must be from 1 second to 7 days",
    }),
});

export type Config = z.infer<typeof configSchema>;

export function homeOf(environment: NodeJS.ProcessEnv): string {
  return resolve(environment["ROUSE_HOME"] ?? join(homedir(), ".rouse"));
}

/** Throws `invalid_input` that names the setting. */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const home = homeOf(environment);
  const file = readFile(join(home, "config.json"));
  const overrides = {
    home,
    port: environment["ROUSE_PORT"] === undefined ? undefined : Number(environment["ROUSE_PORT"]),
    host: environment["ROUSE_HOST"],
    workspace: environment["ROUSE_WORKSPACE"],
    databaseUrl: readSecret(environment, "DATABASE_URL") ?? undefined,
    databaseDirectUrl: readSecret(environment, "DATABASE_DIRECT_URL") ?? undefined,
    webhookSecret: readSecret(environment, "ROUSE_WEBHOOK_SECRET") ?? undefined,
    terminal: environment["ROUSE_TERMINAL"],
    logLevel: environment["ROUSE_LOG_LEVEL"],
    metrics: environment["ROUSE_METRICS"],
  };
  const given = Object.fromEntries(Object.entries(overrides).filter(([, value]) => value !== undefined));
  const result = configSchema.safeParse({ ...file, ...given });
  if (result.success) return withItsSecret(result.data);
  const issue = result.error.issues[0];
  const where = issue === undefined ? "" : ` (${issue.path.join(".")}: ${issue.message})`;
  throw new RouseError("invalid_input", `the configuration is not valid${where}`, {
    nextStep: `Correct ${join(home, "config.json")} or the environment variable; see docs/configuration.md.`,
  });
}

/** A message that nobody signed cannot be told from a forged one. */
function withItsSecret(config: Config): Config {
  if (config.notifications.webhook === undefined || config.webhookSecret !== undefined) return config;
  throw new RouseError("invalid_input", "notifications.webhook has no secret that signs its messages", {
    nextStep: "Set ROUSE_WEBHOOK_SECRET_FILE; see docs/configuration.md.",
  });
}

function readFile(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new RouseError("directory_not_writable", `cannot read ${path}`, { cause: error });
  }
  try {
    return JSON.parse(text) as object;
  } catch (error) {
    throw new RouseError("invalid_input", `${path} is not JSON`, {
      nextStep: `Correct ${path}, or remove it to use the defaults.`,
      cause: error,
    });
  }
}
