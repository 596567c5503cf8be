/** Commands and answers about the window of one agent. */

export const openedFormat = "#{pane_id}|#{pane_pid}";

/** resize-window pins the size; without the pin a person's window decides again once they attach. */
export function sizeCommands(window: string, columns: number, rows: number): string[] {
  return [
    ...[
      ";",
      "resize-window",
      "-t",
      window,
      "-x",
      String(Math.trunc(columns)),
      "-y",
      String(Math.trunc(rows)),
    ],
    ...[";", "set-option", "-w", "-u", "-t", window, "window-size"],
  ];
}

/** What `new-window -P` printed; null when the window stood already. */
export function parseOpened(output: string): { pane: string; pid: number } | null {
  const [, pane, pid] = /^(%\d+)\|(\d+)$/m.exec(output) ?? [];
  return pane === undefined ? null : { pane, pid: Number(pid) };
}
