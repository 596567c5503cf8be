import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { programVersion } from "../../../adapters/agents/program-version.ts";
import { runBounded } from "../../../adapters/agents/run-bounded.ts";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import { until } from "../../network/until.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rouse-bounded-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function program(lines: string): Promise<[string]> {
  const path = join(folder, "program");
  await writeFile(path, `#!/bin/sh\n${lines}\n`);
  await chmod(path, 0o755);
  return [path];
}
const env = { PATH: process.env["PATH"] };
const patient = () => AbortSignal.timeout(60_000);

describe("a foreign program that is asked something", () => {
  test("answers with its exit code and output", async () => {
    expect(await runBounded(await program("echo hello; exit 3"), env, patient())).toEqual({
      exitCode: 3,
      text: "hello\n",
    });
  });

  test("gets nothing to read, and may be missing or no program", async () => {
    expect(await runBounded(await program("cat; exit 0"), env, patient())).toEqual({ exitCode: 0, text: "" });
    expect(await runBounded([join(folder, "nothing")], env, patient())).toBeNull();
    await chmod(join(folder, "program"), 0o644);
    expect(await runBounded([join(folder, "program")], env, patient())).toBeNull();
  });

  test("is ended when it says too much", async () => {
    expect(await runBounded(await program("exec yes"), env, patient())).toBeNull();
  });

  test("is ended when it does not, though it ignores signals, with all that it started", async () => {
    const pids = join(folder, "pids");
    const started = await program(`trap '' TERM; sleep 600 & echo "$! $$" > ${pids}; wait`);
    const stop = new AbortController();
    const said = runBounded(started, env, stop.signal);
    await until("its children", 10_000, async () => (await readFile(pids, "utf8")).endsWith("\n"));
    stop.abort();
    expect(await said).toBeNull();
    const all = (await readFile(pids, "utf8")).trim().split(" ").map(Number);
    await until("their end", 10_000, () => all.every((pid) => processStartedAt(pid) === null));
  });

  test("has ten seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const said = runBounded(await program("exec sleep 600"), env, new AbortController().signal);
    vi.advanceTimersByTime(10_000);
    expect(await said).toBeNull();
  });

  test("tells a version of harmless letters, or none", async () => {
    const loud = await program(String.raw`printf 'x 1.2.3\033]0;owned\007\033[31m-beta'`);
    expect(await programVersion(loud, env, patient())).toBe("1.2.3");
    const long = await program(`printf '1.2.3-'; head -c 9000 /dev/zero | tr '\\0' a`);
    expect(await programVersion(long, env, patient())).toHaveLength(5 + 64);
    expect(await programVersion(await program("echo 1.2.3; exit 1"), env, patient())).toBeNull();
  });
});
