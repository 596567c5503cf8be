import { readFileSync, statSync } from "node:fs";
import { RouseError } from "../runtime/errors.ts";

/**
 * Secrets of the environment: NAME, or better NAME_FILE, which names a file that holds it. A file stands in no list of
 * processes and in no child's environment.
 */
export type SecretName =
  | "DATABASE_URL"
  | "DATABASE_DIRECT_URL"
  | "ROUSE_TOKEN"
  | "ROUSE_WEBHOOK_SECRET"
  | "ROUSE_KEY_ENCRYPTION_KEY";

/** A connection string of many hosts is long; nothing that is a secret is longer. */
const mostBytes = 65_536;

/** Null when neither is set. Throws `invalid_input` that names the variable; the secret itself is in no error. */
export function readSecret(environment: NodeJS.ProcessEnv, name: SecretName): string | null {
  const given = environment[name];
  const path = secretFile(environment, name);
  if (path !== null) return readFile(name, path);
  if (given === undefined) return null;
  // An empty one is a secret that got lost on its way: whoever set it did not mean to do without.
  if (given.trim() === "") throw unusable(name, `${name} is empty`, `Put it there, or unset ${name}.`);
  return given;
}

/** Where the secret is read from; null: not from a file. Throws `invalid_input` for an empty path, and where both are set. */
export function secretFile(environment: NodeJS.ProcessEnv, name: SecretName): string | null {
  const path = environment[`${name}_FILE`];
  if (path === undefined) return null;
  if (environment[name] !== undefined)
    throw unusable(name, `${name} and ${name}_FILE are both set`, `Unset one of them.`);
  if (path.trim() !== "") return path;
  throw unusable(name, `${name}_FILE is empty`, `Name the file, or unset ${name}_FILE.`);
}

const ofNodes: readonly SecretName[] = [
  "DATABASE_URL",
  "DATABASE_DIRECT_URL",
  "ROUSE_WEBHOOK_SECRET",
  "ROUSE_KEY_ENCRYPTION_KEY",
];

/** What others can read of a node's secrets, a sentence each. */
export function exposedSecrets(environment: NodeJS.ProcessEnv): string[] {
  return ofNodes.flatMap((name) => exposureOf(environment, name) ?? []);
}

/** Null when only its owner reads the file, or it cannot be told. */
export function exposureOf(environment: NodeJS.ProcessEnv, name: SecretName): string | null {
  const path = secretFile(environment, name);
  if (path === null) return null;
  const mode = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
  if ((mode & 0o044) === 0) return null;
  return `${path} (${name}_FILE) can be read by other users of this machine: chmod 600 it`;
}

function readFile(name: SecretName, path: string): string {
  const step = `Write it there, readable for this user only, or unset ${name}_FILE.`;
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > mostBytes) throw unusable(name, `${path} (${name}_FILE) is too long for a secret`, step);
    text = readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (cause instanceof RouseError) throw cause;
    const isMissing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    const what = isMissing ? "does not exist" : "cannot be read";
    throw unusable(name, `${path} (${name}_FILE) ${what}`, step, cause);
  }
  if (text !== "") return text;
  throw unusable(name, `${path} (${name}_FILE) is empty`, step);
}

function unusable(name: SecretName, message: string, nextStep: string, cause?: unknown): RouseError {
  return new RouseError("invalid_input", message, { nextStep, details: { setting: name }, cause });
}
