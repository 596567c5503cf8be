/**
 * The process that holds one terminal: detached from whoever started it, so that the program outlives our restarts.
 * Arguments: socket path, runtime id, launch spec, columns, rows. It tells by file descriptor 3 that it listens.
 * When the program ends, its last screen stays readable until somebody kills the terminal or the time is up.
 */
import { rmSync, writeSync } from "node:fs";
import { HolderServer } from "./holder-server.ts";

const keepEndedMs = 10 * 60_000;
const readyDescriptor = 3;

const clock = {
  now: () => Date.now(),
  after(ms: number, callback: () => void) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

async function main(): Promise<void> {
  const [socketPath = "", runtimeId = "", specPath = "", columns, rows] = process.argv.slice(2);
  const leave = (): void => {
    rmSync(socketPath, { force: true });
    process.exit(0);
  };
  const size = { columns: Number(columns), rows: Number(rows) };
  const onEnd = (how: "ended" | "killed"): void =>
    void (how === "killed" ? leave() : clock.after(keepEndedMs, leave));
  await HolderServer.open({ runtimeId, specPath, ...size, clock, onEnd }, socketPath);
  tellReady();
}

function tellReady(): void {
  try {
    writeSync(readyDescriptor, "ready\n");
  } catch {
    // Whoever started us died meanwhile; its successor finds us by the socket.
  }
}

// A terminal that goes away must not take the holder along.
process.on("SIGHUP", () => {});
await main();
