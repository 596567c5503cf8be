import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import {
  access,
  chmod,
  chown,
  link,
  mkdir,
  readFile,
  readdir,
  rename,
  rm,
  unlink,
  writeFile,
} from "node:fs/promises";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";
import type { Binaries } from "./binaries.ts";
import { asFolderError, diskFull } from "./folder.ts";
import type { Location } from "./location.ts";
import type { Owner } from "./owner.ts";
import { isErrno } from "./process.ts";

export const databaseUser = "rouse";

/** Programs of the server get nothing of our environment: PG* variables and secrets stay out. */
export const serverEnvironment = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

interface ClusterOptions {
  location: Location;
  binaries: Binaries;
  owner: Owner | null;
  onProgress: (step: string) => void;
}

/**
 * Makes the data folder unless it is there. The work happens in a folder beside it and ends with one rename, so a crash
 * at any point leaves either no data folder or a complete one.
 * @throws RouseError directory_not_writable | binaries_missing | database_unavailable
 */
export async function ensureCluster(options: ClusterOptions): Promise<"created" | "present"> {
  const { dir, dataDir } = options.location;
  const password = await readPassword(dir);
  if (await exists(path.join(dataDir, "PG_VERSION"))) {
    if (password === null) throw passwordLost(dir, dataDir);
    return "present";
  }
  options.onProgress("Making the database folder");
  await removeLeftovers(dataDir);
  const staging = `${dataDir}.${randomUUID()}`;
  try {
    await initialise(options, staging, password ?? (await createPassword(dir)));
    await rename(staging, dataDir);
  } catch (error) {
    throw asFolderError(error, path.dirname(dataDir));
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return "created";
}

/** The database password; null when no cluster was made yet. */
export async function readPassword(dir: string): Promise<string | null> {
  return readFile(path.join(dir, "password"), "utf8").catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return null;
    throw asFolderError(error, dir);
  });
}

async function createPassword(dir: string): Promise<string> {
  const file = path.join(dir, "password");
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, randomBytes(24).toString("base64url"), { mode: 0o600 });
  // Linked into place: complete or absent, and the first one wins.
  await link(draft, file).catch(() => undefined);
  await unlink(draft);
  return readFile(file, "utf8");
}

async function initialise(options: ClusterOptions, staging: string, password: string): Promise<void> {
  const { owner, binaries } = options;
  const passwordFile = `${staging}.password`;
  await mkdir(staging);
  await chmod(staging, 0o700);
  try {
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (owner !== null) for (const file of [staging, passwordFile]) await chown(file, owner.uid, owner.gid);
    const { exitCode, output } = await run(binaries.initdb, initdbArguments(staging, passwordFile), owner);
    if (exitCode !== 0) throw initdbFailed(options.location.dataDir, exitCode, output);
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function initdbArguments(dataDir: string, passwordFile: string): string[] {
  return [
    `--pgdata=${dataDir}`,
    `--username=${databaseUser}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ];
}

function run(
  program: string,
  args: string[],
  owner: Owner | null,
): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: "/",
      env: serverEnvironment,
      stdio: ["ignore", "pipe", "pipe"],
      ...(owner === null ? {} : { uid: owner.uid, gid: owner.gid }),
    });
    let output = "";
    const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-8_000));
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (cause) => reject(cannotRun(program, cause)));
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}

export function cannotRun(program: string, cause: unknown): RouseError {
  return new RouseError(
    "binaries_missing",
    `The database program ${program} cannot be run on this machine.`,
    {
      nextStep: "It needs glibc (Debian, Ubuntu, Fedora, …); elsewhere set DATABASE_URL to a Postgres.",
      details: { program },
      cause,
    },
  );
}

function initdbFailed(dataDir: string, exitCode: number | null, output: string): RouseError {
  if (/no space left on device/iu.test(output)) return diskFull(dataDir);
  const tail = output.trim().split("\n").slice(-5).join("\n");
  return new RouseError("database_unavailable", `initdb failed (${exitCode ?? "killed"}): ${tail}`, {
    nextStep: "Correct what it says and try again, or set DATABASE_URL to a Postgres.",
    details: { exitCode },
  });
}

function passwordLost(dir: string, dataDir: string): RouseError {
  return new RouseError("database_unavailable", `The password of the database in ${dataDir} is missing.`, {
    nextStep: `Put the file ${path.join(dir, "password")} back from a backup.`,
    details: { dir, dataDir },
  });
}

/** What a killed initdb left behind. Only called while the lock is held. */
async function removeLeftovers(dataDir: string): Promise<void> {
  const parent = path.dirname(dataDir);
  const prefix = `${path.basename(dataDir)}.`;
  for (const name of await readdir(parent)) {
    if (name.startsWith(prefix)) await rm(path.join(parent, name), { recursive: true, force: true });
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
