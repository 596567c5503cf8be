/**
 * Runs inside a new terminal: reads its spec, deletes it, and becomes the program. No shell and no wrapper remain,
 * and the program's process id is the one the terminal started.
 * It imports nothing but Node, because every launch waits for it.
 */
import { readFileSync, unlinkSync } from "node:fs";
import { becomeProgram, fail, type ProgramToBe } from "./become-program.ts";

const notExecutable = 126;

function readSpec(path: string): ProgramToBe {
  const text = readFileSync(path, "utf8");
  unlinkSync(path);
  // Written by launch-spec.ts, which has checked it; a schema library would slow every launch.
  return JSON.parse(text) as ProgramToBe;
}

const specPath = process.argv[2];
if (specPath === undefined) fail(notExecutable, "no launch spec was given");
becomeProgram(readSpec(specPath));
