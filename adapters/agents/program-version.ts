import { execFile } from "node:child_process";

const timeoutMs = 10_000;

/** Version of an installed program by its `--version`, such as `2.1.328`; null when it is not there or does not tell. */
export function programVersion(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | null> {
  const [file, ...args] = command;
  const { PATH = "", HOME = "/" } = process.env;
  const options = { env: { PATH, HOME, ...env }, cwd: "/", timeout: timeoutMs, signal } as const;
  return new Promise((resolve) => {
    const child = execFile(file, [...args, "--version"], options, (error, stdout) => {
      resolve(error === null ? (/\d+\.\d+\.\d+\S*/.exec(stdout)?.[0] ?? null) : null);
    });
    child.stdin?.end();
  });
}
