import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ringBellPort } from "../../../adapters/notifiers/bell.ts";
import { runCommandPort } from "../../../adapters/notifiers/command.ts";
import { bodyOf, titleOf } from "../../../adapters/notifiers/text.ts";
import { notification, perform } from "./calls.ts";

describe("a command", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "rouse-notify-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Writes its arguments and its environment, each divided by NUL. */
  const recorder = (exitCode = 0): string => {
    const path = join(folder, "notify");
    writeFileSync(
      path,
      `#!/bin/sh\nprintf '%s\\0' "$@" > '${folder}/args'\nenv -0 > '${folder}/env'\nexit ${exitCode}\n`,
      { mode: 0o700 },
    );
    return path;
  };
  const said = (name: string) => readFileSync(join(folder, name), "utf8").split("\0").slice(0, -1);

  test("gets title and text as two arguments, past any shell, and none of our secrets", async () => {
    const argv = [recorder(), "--app-name=Rouse; $(touch x)"] as const;
    const baseEnv = {
      PATH: process.env["PATH"],
      DISPLAY: ":7",
      DATABASE_URL: "postgres://canary",
      ROUSE_TOKEN: "canary",
    };
    const message = notification({ detail: "-x $(id) `id` \u001b]52;c;AAAA\u0007" });
    await perform(runCommandPort({ argv, withDetails: true, baseEnv }), message, "h");
    expect(said("args")).toEqual([
      "--app-name=Rouse; $(touch x)",
      "Rouse: unanswered, bob in th-1",
      "bob in th-1: A message that wants a reply was read and not answered in time. -x $(id) `id` ]52;c;AAAA Next: rouse explain bob --thread th-1",
    ]);
    expect(said("env")).toContain("DISPLAY=:7");
    expect(said("env").join("\n")).not.toContain("canary");
  });

  test("that fails or is not there is told so, and tried again", async () => {
    for (const program of [recorder(3), join(folder, "nowhere")]) {
      const port = runCommandPort({ argv: [program], withDetails: false, baseEnv: process.env });
      await expect(perform(port, notification(), "h")).rejects.toMatchObject({
        code: "port_failed",
        retryable: true,
        nextStep: expect.stringContaining("rouse notifications test") as string,
      });
    }
  });
});

test("a bell rings on every backend that can, and nobody there is no failure", async () => {
  const terminals = [
    { ringViewers: () => Promise.resolve(2) },
    {},
    { ringViewers: () => Promise.resolve(0) },
  ];
  expect(await perform(ringBellPort(terminals), notification(), "h")).toEqual({ rung: 2 });
  expect(await perform(ringBellPort([]), notification(), "h")).toEqual({ rung: 0 });
});

test("a flood is told by its counts, with the first five and where the rest stands", () => {
  const { notices } = notification();
  const flood = notification(
    {},
    {
      count: 100,
      reasons: { unanswered: 90, exhausted: 10 },
      notices: Array.from({ length: 10 }, () => notices[0]!),
    },
  );
  expect(titleOf(flood)).toBe("Rouse: 100 calls (90 unanswered, 10 exhausted)");
  expect(bodyOf(flood, { withDetails: false }).split("\n")).toHaveLength(6);
  expect(bodyOf(flood, { withDetails: false })).toMatch(/95 more: rouse escalations$/);
});

test.each([
  [
    { reason: "quarantined" as const, threadId: null, agentId: null },
    "participant/th-1.bob",
    "rouse actors quarantined",
  ],
  [{ reason: "loopNoProgress" as const, agentId: null }, "th-1", "rouse thread show th-1"],
  [{ reason: "permissionPending" as const, threadId: null }, "bob", "rouse explain bob"],
  [
    { reason: "test" as const, threadId: null, agentId: null },
    "participant/th-1.bob",
    "rouse notifications list",
  ],
])("%j names its place and the command to type", (given, place, next) => {
  const told = notification(given);
  expect(titleOf(told)).toBe(`Rouse: ${given.reason}, ${place}`);
  expect(bodyOf(told, { withDetails: false })).toMatch(new RegExp(`Next: ${next}$`));
});
