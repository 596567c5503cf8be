import { execFile } from "node:child_process";
import { RouseError } from "../../../runtime/errors.ts";

const maxOutputBytes = 4 * 1024 * 1024;

export interface TmuxResult {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/**
 * Runs one tmux client. Arguments are constants, pane ids, numbers and validated runtime ids: tmux is a command language
 * of its own, in which an argument that ends in `;` splits commands and formats run shell commands. Text goes by stdin.
 */
export interface TmuxClient {
  /** Never rejects for a non-zero exit; throws `terminal_backend_missing` or, on a timeout, `terminal_failed`. */
  run(server: string, args: readonly string[], input?: string): Promise<TmuxResult>;
  /** Program and arguments in front of any command, for a client that stays. */
  command(server: string): readonly [string, ...string[]];
  environment: Readonly<Record<string, string>>;
}

export function createTmuxClient(options: { program: string; timeoutMs: number }): TmuxClient {
  // -u and the locale: without them a client prints `_` for every character beyond ASCII.
  const command = (server: string) => [options.program, "-u", "-S", server] as const;
  const environment = { PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C.UTF-8" };
  return {
    command,
    environment,
    run: (server, args, input) =>
      runOnce([...command(server), ...args], input ?? "", environment, options.timeoutMs),
  };
}

/** In copy-mode and with a stopped server a client can hang for ever, so every call has a deadline. */
function runOnce(argv: readonly string[], input: string, env: Record<string, string>, timeoutMs: number) {
  const [program = "tmux", ...args] = argv;
  return new Promise<TmuxResult>((resolve, reject) => {
    const options = {
      env,
      cwd: "/",
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: maxOutputBytes,
    } as const;
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ exitCode: 0, stdout, stderr });
      else if (typeof error.code === "number") resolve({ exitCode: error.code, stdout, stderr });
      else reject(callError(error, timeoutMs));
    });
    // A client that ends before it has read its input closes the pipe; its exit code tells the story.
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
  });
}

function callError(error: Error & { code?: unknown; killed?: boolean }, timeoutMs: number): RouseError {
  if (error.code === "ENOENT" || error.code === "EACCES") {
    return new RouseError("terminal_backend_missing", "tmux is not installed or may not be run.", {
      nextStep: "Install tmux (apt install tmux), or use the pty backend.",
      cause: error,
    });
  }
  const problem = error.killed === true ? `did not answer within ${timeoutMs} ms` : "failed";
  return new RouseError("terminal_failed", `tmux ${problem}.`, { cause: error });
}

const missingMessages =
  /can't find (?:pane|window|session)|no server running|error connecting to|no current target|server exited|lost server/;

export function isMissingTarget(result: TmuxResult): boolean {
  return result.exitCode !== 0 && missingMessages.test(result.stderr);
}

export function requireSuccess(result: TmuxResult, action: string): string {
  if (result.exitCode === 0) return result.stdout;
  throw new RouseError("terminal_failed", `tmux could not ${action}: ${result.stderr.trim()}`, {
    details: { exitCode: result.exitCode },
  });
}

/** The first with `new-window -S`, client flags and subscriptions. */
const oldestVersion = { major: 3, minor: 2 };

/** Throws `terminal_backend_missing`. A development build names no number and is new enough. */
export function requireNewEnough(version: string): void {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined) return;
  const isSameMajor = Number(major) === oldestVersion.major;
  const isTooOld =
    Number(major) < oldestVersion.major || (isSameMajor && Number(minor) < oldestVersion.minor);
  if (!isTooOld) return;
  throw new RouseError("terminal_backend_missing", `tmux ${version} is too old; 3.2 or newer is needed.`, {
    nextStep: "Install a newer tmux, or use the pty backend.",
  });
}
