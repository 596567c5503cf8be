import { spawn, type ChildProcess } from "node:child_process";
import { RouseError } from "../../../runtime/errors.ts";
import { siblingProgram } from "../launch-spec.ts";
import type { TerminalClock } from "../clock.ts";

const readyTimeoutMs = 10_000;

export interface HolderPlace {
  socketPath: string;
  runtimeId: string;
  specPath: string;
  columns: number;
  rows: number;
}

/** Starts a detached holder and resolves once it listens. Throws `launch_failed`. */
export async function startHolder(place: HolderPlace, clock: TerminalClock): Promise<void> {
  const { socketPath, runtimeId, specPath, columns, rows } = place;
  const args = ["--no-warnings", siblingProgram("./pty/holder"), socketPath, runtimeId, specPath];
  const child = spawn(process.execPath, [...args, String(columns), String(rows)], {
    cwd: "/",
    env: {},
    // Own session: neither our terminal's signals nor our end reach it.
    detached: true,
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  try {
    await awaitReady(child, clock);
  } finally {
    child.stdio[3]?.destroy();
    child.unref();
  }
}

function awaitReady(child: ChildProcess, clock: TerminalClock): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (problem: string, cause?: unknown): void => {
      reject(new RouseError("launch_failed", `The terminal's holder ${problem}.`, { cause }));
    };
    const cancel = clock.after(readyTimeoutMs, () => {
      child.kill("SIGKILL");
      fail(`was not ready within ${readyTimeoutMs} ms`);
    });
    child.once("error", (cause) => fail("could not be started", cause));
    child.once("exit", (code) => fail(`ended at once with code ${code}`));
    child.stdio[3]?.once("data", () => {
      cancel();
      resolve();
    });
    child.once("exit", cancel);
  });
}
