/** ROUSE_TERMINAL=pty runs these tests without tmux on a machine that has it. Empty: whatever a node prefers. */
export function testTerminal(): { terminal?: string } {
  const terminal = process.env["ROUSE_TERMINAL"] ?? "";
  return terminal === "" ? {} : { terminal };
}
