/** Our own tmux server: a private socket, a constant configuration, and one session that never ends. */
import { join } from "node:path";
import { ensurePrivateFolder, requireSocketPath } from "../private-folder.ts";
import { requireSuccess, type TmuxClient } from "./client.ts";

const sessionName = "rouse";
/** `=` asks for this very name: without it tmux falls back to names that begin alike. */
export const sessionTarget = `=${sessionName}`;

const configuration: readonly (readonly string[])[] = [
  ["set-option", "-s", "exit-empty", "off"],
  ["set-option", "-s", "escape-time", "10"],
  // OSC 52 of a program must not reach a person's clipboard.
  ["set-option", "-s", "set-clipboard", "off"],
  ["set-option", "-g", "default-terminal", "screen-256color"],
  ["set-option", "-g", "default-size", "160x48"],
  ["set-option", "-g", "history-limit", "5000"],
  ["set-option", "-g", "set-titles", "off"],
  ["set-option", "-g", "update-environment", ""],
  ["set-option", "-wg", "allow-rename", "off"],
  ["set-option", "-wg", "automatic-rename", "off"],
  // An ended program stays readable: its exit code and last screen.
  ["set-option", "-wg", "remain-on-exit", "on"],
];

export function ownSocketPath(folder: string): string {
  return requireSocketPath(join(folder, "tmux.sock"));
}

/**
 * Starts the server if it does not run. Its first window holds an ended program: a session with a window never ends, and
 * so no launch races with the exit of the last session.
 */
export async function ensureServer(tmux: TmuxClient, folder: string): Promise<string> {
  ensurePrivateFolder(folder);
  const server = ownSocketPath(folder);
  const existing = await tmux.run(server, ["has-session", "-t", sessionTarget]);
  if (existing.exitCode === 0) return server;
  const settings = configuration.flatMap((command) => [...command, ";"]);
  const created = await tmux.run(server, [
    ...["-f", "/dev/null", "start-server", ";"],
    ...settings,
    ...[
      "new-session",
      "-d",
      "-s",
      sessionName,
      "-n",
      "keep-alive",
      "-c",
      "/",
      "--",
      "/bin/true",
      "keep-alive",
    ],
  ]);
  // Another process of ours was faster.
  if (!created.stderr.includes("duplicate session")) requireSuccess(created, "start its server");
  return server;
}

/** Ends our server when no window of an agent is left; its panes, and the server with them, outlive us otherwise. */
export async function endIdleServer(tmux: TmuxClient, folder: string): Promise<void> {
  const onlyKeepAlive = "#{==:#{session_windows},1}";
  // The colon makes it the target of a pane. Fails without a server, which is as good as ended.
  const where = ["-F", "-t", `${sessionTarget}:`];
  await tmux.run(ownSocketPath(folder), ["if-shell", ...where, onlyKeepAlive, "kill-server"]);
}
