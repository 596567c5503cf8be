import { spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { open, readFile, readdir, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";
import type { Binaries } from "./binaries.ts";
import { cannotRun, serverEnvironment } from "./cluster.ts";
import { asFolderError, diskFull } from "./folder.ts";
import type { Location } from "./location.ts";
import type { Owner } from "./owner.ts";
import { isAlive, processesIn, runsIn, waitFor } from "./process.ts";

export interface Postmaster {
  pid: number;
  port: number;
  ready: boolean;
}

interface LaunchOptions {
  location: Location;
  binaries: Binaries;
  owner: Owner | null;
}

const readyDeadlineMs = 60_000;
const leftoverDeadlineMs = 10_000;

/** The living server of `dataDir` as its postmaster.pid tells; null when none runs (a stale file counts as none). */
export async function findPostmaster(dataDir: string): Promise<Postmaster | null> {
  const text = await readFile(path.join(dataDir, "postmaster.pid"), "utf8").catch(() => null);
  const lines = text?.split("\n") ?? [];
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 0 || !(await runsIn(pid, dataDir))) return null;
  return { pid, port, ready: lines[7]?.trim() === "ready" };
}

/**
 * Starts the server, detached from us, on `preferredPort` if that is free, else on a random one, and waits until it
 * accepts connections (after a crash: until recovery is done).
 * @throws RouseError port_in_use | directory_not_writable | binaries_missing | database_unavailable with the last log lines
 */
export async function launch(options: LaunchOptions, preferredPort: number | null): Promise<Postmaster> {
  await clearStalePidFile(options.location.dataDir);
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const port = attempt === 0 && preferredPort !== null ? preferredPort : randomPort();
    const launched = (await isFree(port)) ? await launchOn(port, options) : "portTaken";
    if (launched !== "portTaken") return launched;
  }
  throw new RouseError(
    "port_in_use",
    "No free port on 127.0.0.1 was found for the database in five attempts.",
    {
      nextStep: "Try again; if it stays, look for a program that opens very many ports.",
    },
  );
}

/** Waits until the running server accepts connections; null when it ended instead: it was on its way down. */
export async function waitUntilReady(dataDir: string): Promise<Postmaster | null> {
  const outcome = await waitFor(async () => {
    const found = await findPostmaster(dataDir);
    if (found === null) return "ended";
    return found.ready ? found : null;
  }, readyDeadlineMs);
  return outcome === "ended" ? null : outcome;
}

async function launchOn(port: number, options: LaunchOptions): Promise<Postmaster | "portTaken"> {
  const { dir, dataDir } = options.location;
  const launchedAtMs = Date.now();
  const child = await spawnDetached(port, options);
  const outcome = await waitFor(async () => {
    const found = await findPostmaster(dataDir);
    if (found?.ready === true && found.pid === child.pid) return found;
    return (await isAlive(child.pid)) ? null : "died";
  }, readyDeadlineMs);
  if (outcome !== null && outcome !== "died") return outcome;
  if (outcome === "died" && !(await isFree(port))) return "portTaken";
  const log = await lastLogLines(dir, dataDir, launchedAtMs);
  if (/no space left on device/iu.test(log)) throw diskFull(dataDir);
  throw new RouseError("database_unavailable", `The database did not come up. Its last log lines:\n${log}`, {
    nextStep: `Correct what the log says (${path.join(dir, "startup.log")}), then try again.`,
    details: { dataDir, port, exited: outcome === "died" },
  });
}

async function spawnDetached(port: number, options: LaunchOptions): Promise<{ pid: number }> {
  const { location, binaries, owner } = options;
  const log = await open(path.join(location.dir, "startup.log"), "w", 0o600).catch((error: unknown) => {
    throw asFolderError(error, location.dir);
  });
  try {
    const child = spawn(binaries.postgres, serverArguments(location.dataDir, port), {
      // Its own session: neither our end nor a Ctrl-C in our terminal reaches it.
      detached: true,
      cwd: "/",
      env: serverEnvironment,
      stdio: ["ignore", log.fd, log.fd],
      ...(owner === null ? {} : { uid: owner.uid, gid: owner.gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", (cause) => reject(cannotRun(binaries.postgres, cause)));
    });
    child.unref();
    return { pid: child.pid ?? 0 };
  } finally {
    await log.close();
  }
}

function serverArguments(dataDir: string, port: number): string[] {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    // TCP with a password only: a socket path may not be longer than 107 bytes, and one way in is enough.
    unix_socket_directories: "",
    max_connections: 100,
    shared_buffers: "32MB",
    max_wal_size: "512MB",
    fsync: "on",
    synchronous_commit: "on",
    jit: "off",
    autovacuum_naptime: "10s",
    idle_in_transaction_session_timeout: "60s",
    logging_collector: "on",
    log_directory: "log",
    // Seven files, one per weekday, each overwritten a week later.
    log_filename: "postgres-%a.log",
    log_truncate_on_rotation: "on",
    log_rotation_age: "1d",
    log_rotation_size: 0,
    // Statements and key values hold what agents write; the log must not.
    log_min_error_statement: "panic",
    log_error_verbosity: "terse",
    log_checkpoints: "off",
    log_timezone: "UTC",
  };
  return ["-D", dataDir, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
}

/**
 * Postgres clears the file of a dead server itself, but refuses to start when a stranger now has that process id.
 * The file is only removed when no process runs in the data folder: a killed server's last children still guard it.
 */
async function clearStalePidFile(dataDir: string): Promise<void> {
  const empty = await waitFor(
    async () => ((await processesIn(dataDir)).length === 0 ? true : null),
    leftoverDeadlineMs,
  );
  if (empty === null) {
    throw new RouseError("database_unavailable", `Processes of an earlier server still work in ${dataDir}.`, {
      nextStep: "Wait until they have ended, then try again.",
      details: { pids: await processesIn(dataDir) },
    });
  }
  const file = path.join(dataDir, "postmaster.pid");
  const pid = Number.parseInt(await readFile(file, "utf8").catch(() => ""), 10);
  if (pid > 0 && (await isAlive(pid))) await rm(file, { force: true });
}

/** Below the range from which Linux and macOS take ports for outgoing connections, so that it is likely free later too. */
function randomPort(): number {
  return randomInt(20_000, 32_000);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

async function lastLogLines(dir: string, dataDir: string, sinceMs: number): Promise<string> {
  const startup = await readFile(path.join(dir, "startup.log"), "utf8").catch(() => "");
  const newest = await newestLog(path.join(dataDir, "log"));
  const later = newest !== null && newest.mtimeMs >= sinceMs ? await readFile(newest.file, "utf8") : "";
  return `${startup}\n${later}`.trim().split("\n").slice(-10).join("\n");
}

async function newestLog(folder: string): Promise<{ file: string; mtimeMs: number } | null> {
  const names = await readdir(folder).catch(() => []);
  const files = names.map((name) => path.join(folder, name));
  const dated = await Promise.all(files.map(async (file) => ({ file, mtimeMs: (await stat(file)).mtimeMs })));
  return dated.toSorted((a, b) => b.mtimeMs - a.mtimeMs)[0] ?? null;
}
