/** One tmux call that tells everything about a pane. */
import { RouseError } from "../../../runtime/errors.ts";
import { parseCapturedScreen, type CapturedScreen } from "./captured-screen.ts";
import { isMissingTarget, requireSuccess, type TmuxClient } from "./client.ts";

export interface PaneLook {
  pid: number;
  isDead: boolean;
  /** Undefined while it lives and when a signal ended it. */
  exitCode: number | undefined;
  inMode: boolean;
  cursor: { row: number; column: number };
  windowId: string;
  sessionId: string;
  serverPid: number;
  title: string;
  viewers: readonly Viewer[];
  screen: CapturedScreen;
}

/** A person's client on some window. */
export interface Viewer {
  windowId: string;
  /** Epoch seconds; keystrokes move it, and attaching. */
  activeAtSeconds: number;
}

// The title comes last because it is the program's own text.
const paneFields = [
  "pane_pid",
  "pane_dead",
  "pane_dead_status",
  "pane_in_mode",
  "cursor_y",
  "cursor_x",
  "window_id",
  "session_id",
  "pid",
  "pane_title",
];
const paneFormat = paneFields.map((field) => `#{${field}}`).join("|");
export const clientFormat = "client|#{client_control_mode}|#{client_activity}|#{window_id}";
const screenMark = "screen|";

/** Throws `terminal_missing`. */
export async function lookAtPane(tmux: TmuxClient, server: string, pane: string): Promise<PaneLook> {
  const result = await tmux.run(server, [
    ...["display-message", "-p", "-t", pane, paneFormat, ";"],
    ...["list-clients", "-F", clientFormat, ";"],
    ...["display-message", "-p", screenMark, ";"],
    ...["capture-pane", "-p", "-e", "-t", pane],
  ]);
  if (isMissingTarget(result)) throw missingPane(server, pane);
  const look = parseLook(requireSuccess(result, "look at the pane"));
  // A format over a pane that is gone prints empty fields on some versions.
  if (look === null) throw missingPane(server, pane);
  return look.isDead ? { ...look, screen: await lastScreen(tmux, server, pane, look.screen) } : look;
}

/** tmux scrolls a dead pane by one line to make room for its own notice: this is the screen as the program left it. */
async function lastScreen(
  tmux: TmuxClient,
  server: string,
  pane: string,
  shown: CapturedScreen,
): Promise<CapturedScreen> {
  const notice = shown.lines.findLastIndex((line) => line.startsWith("Pane is dead"));
  if (notice === -1) return shown;
  const result = await tmux.run(server, ["capture-pane", "-p", "-e", "-S", "-1", "-t", pane]);
  if (result.exitCode !== 0) return shown;
  const { lines, solidLines } = parseCapturedScreen(result.stdout);
  const rows = lines.findLastIndex((line) => line.startsWith("Pane is dead"));
  return { lines: lines.slice(0, rows), solidLines: solidLines.slice(0, rows) };
}

export function missingPane(server: string, pane: string): RouseError {
  return new RouseError("terminal_missing", `There is no pane ${pane} on the tmux server ${server}.`, {
    nextStep: "Start the agent again, or adopt another pane.",
    details: { server, pane },
  });
}

export function parseLook(output: string): PaneLook | null {
  const [header = "", ...rest] = output.split("\n");
  const [pid, dead, status, inMode, row, column, windowId, sessionId, serverPid, ...title] =
    header.split("|");
  if (!pid || windowId === undefined || sessionId === undefined) return null;
  const mark = rest.indexOf(screenMark);
  if (mark === -1) return null;
  return {
    pid: Number(pid),
    isDead: dead === "1",
    exitCode: dead === "1" && status ? Number(status) : undefined,
    inMode: inMode !== "0" && inMode !== "",
    cursor: { row: Number(row), column: Number(column) },
    windowId,
    sessionId,
    serverPid: Number(serverPid),
    title: title.join("|"),
    viewers: parseViewers(rest.slice(0, mark)),
    screen: parseCapturedScreen(rest.slice(mark + 1).join("\n")),
  };
}

/** Control clients are programs. */
export function parseViewers(lines: readonly string[]): Viewer[] {
  return lines.flatMap((line) => {
    const [kind, isControl, activity, windowId] = line.split("|");
    if (kind !== "client" || isControl === "1" || windowId === undefined) return [];
    return [{ windowId, activeAtSeconds: Number(activity) }];
  });
}
