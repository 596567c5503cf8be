import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { RouseError } from "../../runtime/errors.ts";
import { logFileName, type NodeFile, type NodeMessage } from "../node-messages.ts";
import { isKnown } from "./failure.ts";
import { programPath } from "../program-path.ts";

/** A first start makes a database; that takes some seconds, on a slow disk many. */
const startDeadlineMs = 180_000;
const shownLogLines = 10;

export interface StartRequest {
  home: string;
  environment: NodeJS.ProcessEnv;
  onProgress: (step: string) => void;
}

interface Log {
  path: string;
  /** Bytes that were in it before this start. */
  from: number;
}

/** A node as a process of its own that outlives us. Throws what kept it from starting, and ends it then. */
export async function startNode({ home, environment, onProgress }: StartRequest): Promise<NodeFile> {
  const { fd, log } = openLog(home);
  const child = spawn(process.execPath, ["--no-warnings", programPath("./main"), "serve"], {
    detached: true,
    cwd: "/",
    env: environment,
    stdio: ["ignore", fd, fd, "ipc"],
  });
  closeSync(fd);
  const interrupt = (): void => void child.kill("SIGTERM");
  process.once("SIGINT", interrupt);
  try {
    return await untilReady(child, { log, onProgress });
  } catch (error) {
    child.kill("SIGTERM");
    throw error;
  } finally {
    process.removeListener("SIGINT", interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Throws `directory_not_writable`. */
function openLog(home: string): { fd: number; log: Log } {
  const path = join(home, logFileName);
  try {
    mkdirSync(home, { recursive: true, mode: 0o711 });
    const fd = openSync(path, "a", 0o600);
    return { fd, log: { path, from: fstatSync(fd).size } };
  } catch (cause) {
    throw new RouseError("directory_not_writable", `cannot write ${path}: ${(cause as Error).message}`, {
      nextStep: "Make the folder writable, or set ROUSE_HOME to one that is.",
      cause,
    });
  }
}

function untilReady(
  child: ChildProcess,
  { log, onProgress }: { log: Log; onProgress: (step: string) => void },
): Promise<NodeFile> {
  return new Promise((resolve, reject) => {
    let failure: RouseError | null = null;
    const late = setTimeout(() => {
      reject(ended(`the node was not ready within ${startDeadlineMs / 1_000} s`, log));
    }, startDeadlineMs);
    child.on("message", (message: NodeMessage) => {
      if (message.type === "progress") onProgress(message.step);
      if (message.type === "failed") failure = reportedFailure(message, log);
      if (message.type !== "ready") return;
      clearTimeout(late);
      resolve(message.node);
    });
    child.once("error", (cause) => {
      clearTimeout(late);
      reject(new RouseError("internal", `cannot start the node: ${cause.message}`, { cause }));
    });
    // Its last messages may still be under way when it ends: the channel closes after them.
    child.once("disconnect", () => {
      clearTimeout(late);
      reject(failure ?? ended("the node ended while it was starting", log));
    });
  });
}

/** What the node said about its end. */
export function reportedFailure(
  { code, message, nextStep }: NodeMessage & { type: "failed" },
  log?: Log,
): RouseError {
  const next = nextStep ?? (log === undefined ? null : `See the log ${log.path}.`);
  return new RouseError(isKnown(code) ? code : "internal", message, {
    ...(next === null ? {} : { nextStep: next }),
    ...(log === undefined ? {} : { details: { log: log.path, last_log_lines: lastLines(log) } }),
  });
}

function ended(message: string, log: Log): RouseError {
  return new RouseError("internal", message, {
    nextStep: `See the log ${log.path}.`,
    details: { log: log.path, last_log_lines: lastLines(log) },
  });
}

/** The last lines that this start wrote. */
function lastLines({ path, from }: Log): string[] {
  try {
    const lines = readFileSync(path).subarray(from).toString("utf8").split("\n");
    return lines.filter((line) => line !== "").slice(-shownLogLines);
  } catch {
    return [];
  }
}
