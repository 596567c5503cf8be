import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { demoShape } from "../../api/cli/answer-shapes.ts";
import { answers } from "../../api/cli/answers.ts";
import { testTerminal } from "./test-terminal.ts";

const program = fileURLToPath(new URL("../../api/cli/main.ts", import.meta.url));

function runDemo(): Promise<{ exitCode: number; stdout: string; stderr: string }> {
  const { terminal } = testTerminal();
  const args = [program, "demo", "--json", ...(terminal === undefined ? [] : ["--backend", terminal])];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, (_error, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

test(
  "the demo: review, fix and re-review with a wake by typing, by resume and by spawn, past a person's draft",
  {
    timeout: 200_000,
  },
  async () => {
    const { exitCode, stdout, stderr } = await runDemo();
    const printed = JSON.parse(stdout === "" ? "{}" : stdout) as unknown;
    const result = demoShape.parse(printed);
    expect(answers["demo"]).toEqual({ schema: demoShape });
    expect(result).toEqual(printed);
    console.info(`terminals: ${result.backend}`);
    expect({ stderr, failure: result.failure }).toEqual({ stderr: "", failure: null });
    expect(result.checks.flatMap(({ problems }) => problems)).toEqual([]);
    expect(result.checks.length).toBeGreaterThan(0);
    const hops = new Map(result.receipts.map((receipt) => [receipt.wakeId, receipt.hops]));
    const typed = `typed (${result.backend})`;
    expect(hops.get("demo.reviewer.1")).toEqual([typed]);
    expect(hops.get("demo.executioner.2")).toEqual([typed, "resumed"]);
    expect(hops.get("demo.scribe.1")).toEqual(["spawned"]);
    expect(result.deferrals).toContain("reviewer humanTyping");
    expect(result.ok).toBe(true);
    expect(exitCode).toBe(0);
    expect(existsSync(result.home)).toBe(false);
  },
);

test("a demo whose reader goes away clears up all the same", { timeout: 60_000 }, async () => {
  const child = spawn(process.execPath, [program, "demo"], { stdio: ["ignore", "pipe", "ignore"] });
  let said = "";
  for await (const text of child.stdout) {
    said += String(text);
    if (said.includes("launches the first two")) break;
  }
  // Leaving the loop closes our end of the pipe.
  const [exitCode] = (await once(child, "exit")) as [number | null];
  expect(exitCode).toBe(130);
  const [, home = ""] = /home (\S+);/.exec(said) ?? [];
  expect(home).toContain("rouse-demo-");
  expect(existsSync(home)).toBe(false);
});
