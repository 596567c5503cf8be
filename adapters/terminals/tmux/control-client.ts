/** A control client (`tmux -C`): the server pushes what changes in the panes of one session. It never resizes a window. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import type { TmuxClient } from "./client.ts";

export interface ControlClient {
  readonly isRunning: boolean;
  stop(): void;
}

// tmux reports these at most once a second. A dead pane and copy-mode print nothing, so output alone is not enough.
const subscription =
  'refresh-client -B "rouse:%*:#{pane_dead}|#{pane_in_mode}|#{pane_pid}|#{pane_current_command}"\n';

/** `onChange` gets a pane id, or null when any pane may have changed; it is called once more when the client ends. */
export function startControlClient(
  tmux: TmuxClient,
  place: { server: string; sessionId: string },
  onChange: (pane: string | null) => void,
): ControlClient {
  const [program, ...prefix] = tmux.command(place.server);
  const args = [...prefix, "-C", "attach-session", "-t", place.sessionId, "-f", "ignore-size"];
  const child = spawn(program, args, { env: tmux.environment, cwd: "/", stdio: "pipe" });
  let isRunning = true;
  const ended = (): void => {
    if (!isRunning) return;
    isRunning = false;
    onChange(null);
  };
  child.on("error", ended);
  child.on("exit", ended);
  listen(child, onChange);
  child.stdin.write(subscription);
  return {
    get isRunning() {
      return isRunning;
    },
    stop() {
      isRunning = false;
      // The end of its input ends a control client; the signal is for one whose server hangs.
      child.stdin.end();
      child.kill("SIGTERM");
    },
  };
}

function listen(child: ChildProcessWithoutNullStreams, onChange: (pane: string | null) => void): void {
  child.stdin.on("error", () => {});
  child.stderr.resume();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const pane = changedPane(line);
    if (pane !== undefined) onChange(pane);
  });
}

/** The pane a notification is about, null for all of them, undefined when it is of no interest. Exported for tests. */
export function changedPane(line: string): string | null | undefined {
  const ofPane =
    /^%(?:output|pane-mode-changed) (%\d+)/.exec(line) ??
    /^%subscription-changed \S+ \S+ \S+ \S+ (%\d+) /.exec(line);
  if (ofPane !== null) return ofPane[1];
  return /^%(?:client-detached|client-session-changed|layout-change|window-close|exit)\b/.test(line)
    ? null
    : undefined;
}
