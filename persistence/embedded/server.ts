import { readFile, realpath, writeFile } from "node:fs/promises";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";
import { findBinaries } from "./binaries.ts";
import { databaseUser, ensureCluster, readPassword } from "./cluster.ts";
import { asFolderError } from "./folder.ts";
import { withLock } from "./lock.ts";
import { prepareLocation, readDataDir } from "./location.ts";
import { chooseOwner } from "./owner.ts";
import type { Postmaster } from "./postmaster.ts";
import { findPostmaster, launch, waitUntilReady } from "./postmaster.ts";
import { isErrno, processesIn, runsIn, waitFor } from "./process.ts";

/** A running server that every process of this machine that can read `dir` shares. */
export interface EmbeddedPostgres {
  /** postgres://user:password@127.0.0.1:port/postgres — holds the password: don't log it. */
  url: string;
  dataDir: string;
  pid: number;
  /** True when this call started it. */
  started: boolean;
}

const lockDeadlineMs = 120_000;
const stopDeadlineMs = 30_000;

/**
 * Starts our own Postgres for the state folder `dir`, or joins the one that runs. It is detached: it outlives this
 * process, also when we are killed, until `stopEmbedded`. As root it runs as the user postgres or nobody. It keeps its
 * port from one start to the next unless another program took it meanwhile.
 * @throws RouseError directory_not_writable (also: disk full) | root_without_other_user | binaries_missing |
 *   port_in_use | database_unavailable
 */
export async function startEmbedded(options: {
  /** Our state folder, for instance ~/.rouse/postgres; made when missing. */
  dir: string;
  /** Called before each slow step with a line for people. */
  onProgress?: (step: string) => void;
}): Promise<EmbeddedPostgres> {
  const { dir, onProgress = () => undefined } = options;
  const owner = await chooseOwner();
  const location = await prepareLocation(dir, owner);
  const running = await findPostmaster(location.dataDir);
  if (running?.ready === true) return describe(location.dir, location.dataDir, running, false);
  return withLock(location.dir, lockDeadlineMs, async () => {
    const joined = await joinRunning(location.dataDir, onProgress);
    if (joined !== null) return describe(location.dir, location.dataDir, joined, false);
    const binaries = await findBinaries(location.binariesDir);
    await ensureCluster({ location, binaries, owner, onProgress });
    onProgress("Starting the database");
    const launched = await launch({ location, binaries, owner }, await readPort(location.dir));
    await writePort(location.dir, launched.port);
    return describe(location.dir, location.dataDir, launched, true);
  });
}

/**
 * Stops the server: open transactions are rolled back and everything is flushed (at most `deadlineMs`, 30 s unless
 * given); after that it is stopped the hard way, from which the next start recovers every committed row.
 * @throws RouseError database_unavailable when it doesn't even end then
 */
export async function stopEmbedded(options: {
  dir: string;
  deadlineMs?: number;
}): Promise<"stopped" | "notRunning"> {
  const dir = await resolved(options.dir);
  const dataDir = dir === null ? null : await readDataDir(dir);
  if (dir === null || dataDir === null) return "notRunning";
  return withLock(dir, lockDeadlineMs, async () => {
    const running = await findPostmaster(dataDir);
    if (running === null) return "notRunning";
    // INT is Postgres' "fast" shutdown, QUIT its "immediate" one.
    if (await endsAfter("SIGINT", running.pid, dataDir, options.deadlineMs ?? stopDeadlineMs))
      return "stopped";
    if (await endsAfter("SIGQUIT", running.pid, dataDir, 10_000)) return "stopped";
    throw new RouseError("database_unavailable", `The database process ${running.pid} does not end.`, {
      nextStep: `Look at ${path.join(dataDir, "log")}; as a last resort: kill -9 ${running.pid}.`,
      details: { pid: running.pid },
    });
  });
}

/** Tells whether the server of `dir` runs; starts and changes nothing. */
export async function embeddedStatus(options: {
  dir: string;
}): Promise<{ running: boolean; pid?: number; url?: string }> {
  const dir = await resolved(options.dir);
  const dataDir = dir === null ? null : await readDataDir(dir);
  const found = dataDir === null ? null : await findPostmaster(dataDir);
  if (dir === null || dataDir === null || found === null) return { running: false };
  const { pid, url } = await describe(dir, dataDir, found, false);
  return { running: true, pid, url };
}

async function joinRunning(dataDir: string, onProgress: (step: string) => void): Promise<Postmaster | null> {
  if ((await findPostmaster(dataDir)) === null) return null;
  onProgress("Waiting for the running database");
  return waitUntilReady(dataDir);
}

async function describe(
  dir: string,
  dataDir: string,
  server: Postmaster,
  started: boolean,
): Promise<EmbeddedPostgres> {
  const password = await readPassword(dir);
  const url = `postgres://${databaseUser}:${password ?? ""}@127.0.0.1:${server.port}/postgres`;
  return { url, dataDir, pid: server.pid, started };
}

async function endsAfter(
  signal: NodeJS.Signals,
  pid: number,
  dataDir: string,
  deadlineMs: number,
): Promise<boolean> {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
  const gone = async () => !(await runsIn(pid, dataDir)) && (await processesIn(dataDir)).length === 0;
  return (await waitFor(async () => ((await gone()) ? true : null), deadlineMs)) !== null;
}

async function resolved(dir: string): Promise<string | null> {
  return realpath(dir).catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return null;
    throw asFolderError(error, dir);
  });
}

async function readPort(dir: string): Promise<number | null> {
  const port = Number(await readFile(path.join(dir, "port"), "utf8").catch(() => ""));
  return Number.isInteger(port) && port > 0 ? port : null;
}

async function writePort(dir: string, port: number): Promise<void> {
  await writeFile(path.join(dir, "port"), String(port), { mode: 0o600 });
}
