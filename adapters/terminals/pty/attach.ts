/**
 * Shows a held terminal to a person: `node attach.js SOCKET`. Ctrl-\ or Ctrl-b d leaves it; the program goes on.
 * Ctrl-b Ctrl-b sends one Ctrl-b.
 */
import { onMessages, openHolder } from "./connection.ts";
import { detachKeys } from "./detach-keys.ts";
import { encodeLine, type HolderRequest } from "./protocol.ts";

// Paste frame, focus and mouse reports off, main screen, cursor visible, plain style.
const restoreModes =
  "\x1b[?2004l\x1b[?1004l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1l\x1b[?1049l\x1b[?25h\x1b[0m";

async function attach(socketPath: string): Promise<void> {
  const { stdin, stdout } = process;
  const socket = await openHolder(socketPath);
  const tell = (request: HolderRequest) => socket.write(encodeLine({ request }));
  const size = () => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 });
  const leave = (notice: string, exitCode: number): never => {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdout.write(`${restoreModes}\r\n[${notice}]\r\n`);
    process.exit(exitCode);
  };
  onMessages(socket, (message) => {
    if ("error" in message) leave(message.error.message, 1);
    if (!("event" in message)) return;
    if (message.event === "output") stdout.write(message.data);
    else if (message.event === "ended") leave(`the program ended${codeText(message.exitCode)}`, 0);
  });
  socket.on("error", () => leave("the terminal is gone", 1));
  socket.on("close", () => leave("the terminal is gone", 1));
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.setEncoding("utf8");
  const keys = detachKeys();
  stdin.on("data", (data) => {
    const { forProgram, isDetaching } = keys(String(data));
    if (forProgram !== "") tell({ op: "input", data: forProgram });
    if (isDetaching) leave("detached", 0);
  });
  stdin.on("end", () => leave("detached", 0));
  stdout.on("resize", () => tell({ op: "resize", ...size() }));
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"] as const)
    process.on(signal, () => leave("detached", 0));
  tell({ op: "attach", ...size() });
}

function codeText(exitCode: number | null): string {
  return exitCode === null ? "" : ` with code ${exitCode}`;
}

const socketPath = process.argv[2];
if (socketPath === undefined) {
  process.stderr.write("usage: attach SOCKET\n");
  process.exit(2);
}
try {
  await attach(socketPath);
} catch (error) {
  process.stderr.write(`rouse: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
