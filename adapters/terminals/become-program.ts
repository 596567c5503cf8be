/**
 * Turns this process into another program: no wrapper remains, and the process id stays. It imports nothing but Node,
 * because every launch waits for it.
 */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";

const notFound = 127;
const notExecutable = 126;

export interface ProgramToBe {
  argv: readonly [string, ...string[]];
  cwd: string;
  /** Complete, but for TERM. */
  env: Readonly<Record<string, string>>;
}

/** What cannot be started ends this process, with the reason on standard error. */
export function becomeProgram({ argv, cwd, env: own }: ProgramToBe): void {
  try {
    process.chdir(cwd);
  } catch {
    fail(notFound, `the folder does not exist or may not be entered: ${JSON.stringify(cwd)}`);
  }
  const env = { TERM: process.env["TERM"] ?? "xterm-256color", ...own };
  const program = findProgram(argv[0], own["PATH"] ?? "/usr/local/bin:/usr/bin:/bin");
  if (program === null) fail(notFound, `program not found: ${JSON.stringify(argv[0])}`);
  const [file, args] = throughInterpreter(program, argv);
  restoreSignals();
  if (process.execve === undefined)
    fail(notExecutable, "this Node is too old: process.execve is missing (22.15)");
  process.execve(file, args, env);
}

export function fail(exitCode: number, problem: string): never {
  process.stderr.write(`rouse: cannot start: ${problem}\n`);
  process.exit(exitCode);
}

/** As execvp does it: a name with a slash is a path, another is looked up in PATH. */
function findProgram(name: string, path: string): string | null {
  const candidates = name.includes("/")
    ? [name]
    : path.split(":").map((folder) => resolve(folder || ".", name));
  return candidates.map((candidate) => resolve(candidate)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Node aborts with a stack dump when execve fails, so what would fail is found out before. */
function throughInterpreter(program: string, argv: readonly string[]): [string, string[]] {
  const head = readHead(program);
  const isElf = head.startsWith("\x7fELF");
  const shebang = /^#!\s*(\S+)/.exec(head)?.[1];
  if (!isElf && shebang === undefined) return ["/bin/sh", ["/bin/sh", program, ...argv.slice(1)]];
  if (shebang !== undefined && !(isAbsolute(shebang) && isExecutable(shebang))) {
    fail(
      notExecutable,
      `the interpreter ${JSON.stringify(shebang)} of ${JSON.stringify(program)} does not exist`,
    );
  }
  return [program, [...argv]];
}

function readHead(path: string): string {
  const bytes = Buffer.alloc(256);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    // An executable that may not be read can only be a binary.
    return "\x7fELF";
  }
  const length = readSync(file, bytes, 0, bytes.length, 0);
  closeSync(file);
  return bytes.toString("latin1", 0, length);
}

/** Node ignores these and an ignored signal stays ignored across execve; a handled one falls back to its default. */
function restoreSignals(): void {
  for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) process.on(signal, () => {});
}
