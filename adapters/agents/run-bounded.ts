import { spawn } from "node:child_process";
import { systemClock } from "../../runtime/clock.ts";

const answersWithinMs = 10_000;
const mostBytes = 65_536;

export interface Said {
  exitCode: number;
  /** Standard output, as the program wrote it: strip it before it is shown. */
  text: string;
}

/**
 * Runs a program that should answer at once, without a shell and with nothing on its standard input. Null when it cannot
 * be run, says too much or does not end in time: then it is ended, with all that it started.
 */
export function runBounded(
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<Said | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve) => {
    // A group of its own, so that what it starts ends with it.
    const child = spawn(file, args, { env, cwd: "/", stdio: ["ignore", "pipe", "ignore"], detached: true });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (said: Said | null): void => {
      cancel();
      signal.removeEventListener("abort", giveUp);
      child.stdout.destroy();
      resolve(said);
    };
    const giveUp = (): void => {
      endGroup(child.pid);
      finish(null);
    };
    const cancel = systemClock.after(answersWithinMs, giveUp);
    signal.addEventListener("abort", giveUp, { once: true });
    child.stdout.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostBytes) giveUp();
      else chunks.push(chunk);
    });
    child.once("error", () => finish(null));
    child.once("close", (exitCode) =>
      finish(exitCode === null ? null : { exitCode, text: Buffer.concat(chunks).toString("utf8") }),
    );
  });
}

function endGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // Nothing of it lives any more.
  }
}
