#!/usr/bin/env node
import { runCommandLine } from "./run.ts";
import { processSurroundings } from "./surroundings.ts";

// `rouse journal | head` closes the pipe: enough was read. A command that has to clear up listens for an interruption.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  if (!process.emit("SIGINT", "SIGINT")) process.exit(0);
});

const exitCode = await runCommandLine(process.argv.slice(2), processSurroundings());
// A command may have set a code of its own.
if (exitCode !== 0) process.exitCode = exitCode;
