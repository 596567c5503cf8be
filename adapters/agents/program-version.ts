import { runBounded } from "./run-bounded.ts";

/** Of a safe alphabet and bounded, since it is a foreign program's word. */
const versionPattern = /\d{1,9}\.\d{1,9}\.\d{1,9}[\w.+-]{0,64}/;

/** Version of an installed program by its `--version`, such as `2.1.328`; null when it is not there or does not tell. */
export async function programVersion(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>>,
  signal: AbortSignal,
): Promise<string | null> {
  const { PATH = "", HOME = "/" } = process.env;
  const said = await runBounded([...command, "--version"], { PATH, HOME, ...env }, signal);
  return said?.exitCode === 0 ? (versionPattern.exec(said.text)?.[0] ?? null) : null;
}
