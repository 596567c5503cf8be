import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { networkMissing, runInHub } from "./namespaces.ts";
import { until } from "./until.ts";

const guest = fileURLToPath(new URL("hub-guest.ts", import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-hub-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const pidsIn = (file: string): number[] => JSON.parse(readFileSync(file, "utf8")) as number[];
const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

test.skipIf(networkMissing() !== null).each([
  ["is killed", "kill", 1],
  ["is interrupted through the process that started it", "wait", 130],
])("a network leaves no process and no namespace behind when its program %s", async (_how, end, code) => {
  const file = join(folder, "pids.json");
  const running = runInHub(guest, [file, end], ["h1"]);
  const pids = await until("the guest to start its programs", 30_000, () => pidsIn(file));
  if (end === "wait") process.emit("SIGINT", "SIGINT");
  expect(await running).toBe(code);
  expect(pids).toHaveLength(2);
  // Who lost its parent is reaped a moment later.
  await expect.poll(() => pids.filter(lives), { timeout: 10_000 }).toEqual([]);
  expect(readdirSync("/run/netns").filter((name) => name.startsWith(`rouse${process.pid}`))).toEqual([]);
});
