import { execFile, spawn } from "node:child_process";
import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** The packed package in a stranger's folder: what the tutorial promises, done to the letter. */

const root = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "rouse-stranger-"));
const example = join(folder, "order");
const environment = {
  ...process.env,
  PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}`,
  npm_config_loglevel: "error",
};
const inExample = { cwd: example, env: environment, maxBuffer: 10_000_000 };

beforeAll(async () => {
  // By itself: .npmrc lets no package run scripts, our own prepack included.
  await run("npm", ["run", "build"], { cwd: root, env: environment });
  const packed = await run("npm", ["pack", "--silent", "--pack-destination", folder], {
    cwd: root,
    env: environment,
  });
  const tarball = join(folder, packed.stdout.trim().split("\n").at(-1)!);
  cpSync(join(root, "docs/examples/order"), example, { recursive: true });
  // The very versions that this repository is tested with, from npm's cache where it has them.
  copyFileSync(join(root, ".npmrc"), join(example, ".npmrc"));
  const manifest = JSON.parse(readFileSync(join(example, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  manifest.dependencies["rouse"] = `file:${tarball}`;
  writeFileSync(join(example, "package.json"), JSON.stringify(manifest));
  await run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], inExample);
}, 180_000);

afterAll(async () => {
  await run("npx", ["--no-install", "rouse", "down"], {
    ...inExample,
    env: { ...environment, ROUSE_HOME: join(example, ".rouse") },
  }).catch(() => {});
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

describe("the example, in a folder of its own with the packed package", () => {
  test("passes its generated tests", async () => {
    const { stdout } = await run("node", ["--test"], inExample);
    expect(stdout).toMatch(/pass 11\n.*fail 0/s);
  });

  test("holds, strictly, and everything in it is covered", async () => {
    const { stdout } = await run(
      "npx",
      ["--no-install", "rouse", "check", "order.ts", "--strict"],
      inExample,
    );
    expect(stdout).toContain("6 of 6 states reached, 8 of 8 transitions covered");
  });

  test("is understood by the type checker, and so are a stranger's mistakes", async () => {
    const mistake = "import { order } from './order.ts';\nimport type { Node } from 'rouse';\n";
    const send = "export const eat = (node: Node) => node.actor(order, '1').send({ type: 'order.eaten' });\n";
    writeFileSync(join(example, "mistake.ts"), mistake + send);
    const caller =
      "import { createClient } from 'rouse/client';\nconst rouse = createClient({ url: '', token: '' });\n";
    const call =
      "export const seq: Promise<number> = rouse.postMessage({ thread_id: 'a', body: 'b' }).then((it) => it.seq);\n";
    writeFileSync(join(example, "caller.ts"), caller + call);
    const options = { module: "nodenext", target: "es2024", noEmit: true, strict: true };
    const compilerOptions = { ...options, allowImportingTsExtensions: true, types: [], skipLibCheck: true };
    writeFileSync(
      join(example, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["order.ts", "mistake.ts", "caller.ts"] }),
    );
    const failed = await run(join(root, "node_modules/.bin/tsc"), ["-p", "."], inExample).catch(
      (error: unknown) => error as { stdout: string },
    );
    expect(failed.stdout).toMatch(/^mistake\.ts.*order\.eaten[^]*$/);
    expect(failed.stdout.match(/error TS/g)).toHaveLength(1);
  });

  test("goes on after kill -9 where it was, charging under the same key", async () => {
    const killed = await killedWhile("charging");
    expect(killed).toContain("key order/42:2, attempt 1");
    const { stdout } = await run("node", ["main.ts"], inExample);
    expect(stdout).toContain("key order/42:2, attempt 2");
    expect(stdout).toContain("order 42 is shipped: receipt of order/42:2, parcel-42");
    const story = [...stdout.matchAll(/^ {2}(\d+)\. (\S+)/gm)];
    expect(story.map(([, seq]) => Number(seq))).toEqual(story.map((_, index) => index + 1));
    expect(story.map(([, , type]) => type)).toEqual([
      "actor.created",
      "order.paid",
      "order.paid",
      "xstate.done.actor.charge",
      "xstate.done.actor.ship",
    ]);
  }, 120_000);
});

/** Runs the program, and kills it at the first line that holds the word. */
function killedWhile(word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("node", ["main.ts"], { ...inExample, stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.includes(word)) child.kill("SIGKILL");
    });
    child.on("error", reject);
    child.on("close", (_, signal) =>
      signal === "SIGKILL" ? resolve(output) : reject(new Error(`it ended by itself: ${output}`)),
    );
  });
}
