/**
 * Runs inside a new terminal: starts the app-server of this one agent, and becomes the Codex that shows its session.
 * The server has this agent's token and nobody else's, listens in its private folder, and ends with the terminal.
 */
import { spawn } from "node:child_process";
import { openSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { becomeProgram, fail } from "../../terminals/become-program.ts";
import { withAppServer } from "./app-server.ts";
import type { CodexStart } from "./launch.ts";
import { socketBehind } from "./web-socket.ts";

const startsWithinMs = 60_000;
const lookEveryMs = 30;
const failed = 1;

/**
 * The terminal hangs up on its foreground group when its program is gone, however it ended. A server in the midst of a
 * turn would work on by itself: it gets a second to put its files in order. Without the server its terminal can do nothing.
 * A server that was killed leaves its socket, for which it chose a place outside of our folder.
 */
const guard = `
socket=$1; shift
end() {
  trap "" HUP; sleep 1
  real=$(readlink "$socket") && [ -S "$real" ] && rm -f "$real" "$real.lock"
  rm -f "$socket"; kill -KILL 0
}
trap end HUP
"$@" &
wait
kill -HUP "$PPID"
end`;

async function start({ server, socketPath, logPath, resumed, program }: CodexStart): Promise<void> {
  const giveUp = (): never => fail(failed, `codex app-server: ${lastLineOf(logPath)}`);
  process.on("SIGHUP", giveUp);
  rmSync(socketPath, { force: true });
  const log = openSync(logPath, "w", 0o600);
  spawn("/bin/sh", ["-c", guard, "rouse-codex", socketPath, ...server], {
    stdio: ["ignore", log, log],
  });
  const deadline = Date.now() + startsWithinMs;
  while (!(await answers(socketPath))) {
    if (Date.now() > deadline) giveUp();
    await pause(lookEveryMs);
  }
  if (resumed !== null) await resume(socketPath, resumed);
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  becomeProgram({ argv: program, cwd: process.cwd(), env });
}

/** The terminal may not change how a session works that it goes on with; here it is told as at a first start. */
async function resume(socketPath: string, resumed: object): Promise<void> {
  const signal = AbortSignal.timeout(startsWithinMs);
  await withAppServer(socketPath, signal, (call) =>
    call("thread/resume", { ...resumed, excludeTurns: true }),
  ).catch((error: unknown) => fail(failed, `codex resume: ${(error as Error).message}`));
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketBehind(socketPath));
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function lastLineOf(path: string): string {
  return readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "";
}

// Written by launch.ts; a schema library would slow every launch.
await start(JSON.parse(process.argv[2] ?? "") as CodexStart);
