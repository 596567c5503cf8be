import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { RouseError } from "../../runtime/errors.ts";
import type { NodeFile } from "../node-messages.ts";
import { isKnown } from "./failure.ts";
import { isSameProcess } from "./node-process.ts";
import { programPath } from "../program-path.ts";

const lookAgainMs = 50;

/** Asks the node to drain and end, and waits for it. Throws `draining` when it takes longer than `timeoutMs`. */
export async function stopNode(node: NodeFile, timeoutMs: number): Promise<void> {
  signal(node);
  const end = performance.now() + timeoutMs;
  while (isSameProcess(node)) {
    if (performance.now() >= end) throw tooSlow(node, timeoutMs);
    await delay(lookAgainMs);
  }
}

function signal(node: NodeFile): void {
  try {
    process.kill(node.pid, "SIGTERM");
  } catch (cause) {
    // It ended between our look and our signal: that is what was wanted.
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return;
    throw new RouseError("forbidden", `the node (pid ${node.pid}) belongs to another user`, {
      nextStep: "Run rouse down as the user who ran rouse up.",
      cause,
    });
  }
}

function tooSlow({ pid }: NodeFile, timeoutMs: number): RouseError {
  return new RouseError("draining", `the node (pid ${pid}) still drains after ${timeoutMs / 1_000} s`, {
    nextStep: `Wait with rouse down --timeout 120s, or end it with kill -9 ${pid}: nothing is lost.`,
    details: { pid },
  });
}

/** Stops the embedded database; another one is left alone. Throws what the node's program reports. */
export function stopDatabase(environment: NodeJS.ProcessEnv): Promise<void> {
  const args = ["--no-warnings", programPath("./main"), "stop-database"];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { env: environment, cwd: "/" }, (error, _stdout, stderr) => {
      if (error === null) resolve();
      else reject(reported(stderr, error));
    });
  });
}

function reported(stderr: string, cause: Error): RouseError {
  const line = stderr.trim().split("\n").at(-1) ?? "";
  try {
    const { code, message, nextStep } = JSON.parse(line) as Record<string, unknown>;
    if (typeof code === "string" && isKnown(code) && typeof message === "string") {
      return new RouseError(code, message, typeof nextStep === "string" ? { nextStep } : {});
    }
  } catch {
    // Not in the form agreed on: what it said is all there is.
  }
  return new RouseError("internal", `the database could not be stopped: ${line}`, { cause });
}
