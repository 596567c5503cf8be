import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { detachKeys } from "../../../adapters/terminals/pty/detach-keys.ts";
import { readPersonInput } from "../../../adapters/terminals/pty/person-input.ts";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import { seatPerson } from "./person.ts";
import { type Stage, stageKinds, until } from "./stage.ts";
import { screenShows, untilIdle } from "./terminal-conformance.ts";

let stage: Stage;
beforeEach(() => {
  const kind = stageKinds.find(({ name }) => name === "pty");
  if (kind === undefined) throw new Error("no pty stage");
  stage = kind.open();
});
afterEach(() => stage.end());

function holderOf(pid: number): number {
  return Number(execFileSync("ps", ["-o", "ppid=", "-p", String(pid)]).toString());
}

test("a holder that was killed is a missing terminal, its program ends, and its socket is cleaned", async () => {
  const address = await stage.launch("agent-1");
  await untilIdle(stage.terminal, address);
  let rings = 0;
  await stage.terminal.watch(address, () => (rings += 1));
  process.kill(holderOf(address.pid), "SIGKILL");
  await until(() => rings > 0, "the watcher is rung");
  await expect(stage.terminal.view(address)).rejects.toMatchObject({ code: "terminal_missing" });
  await expect(stage.terminal.paste(address, "x")).rejects.toMatchObject({ code: "terminal_missing" });
  await until(
    () => processStartedAt(address.pid) !== address.pidStartedAt,
    "the program ended with its terminal",
  );
  expect(existsSync(address.server)).toBe(true);
  expect(await stage.terminal.find("agent-1")).toBeNull();
  expect(existsSync(address.server)).toBe(false);
  expect((await stage.launch("agent-1")).pid).not.toBe(address.pid);
});

test("a killed terminal leaves neither holder nor socket", async () => {
  const address = await stage.launch("agent-1");
  const holder = holderOf(address.pid);
  await stage.terminal.kill(address, { graceMs: 0 });
  expect(existsSync(address.server)).toBe(false);
  await until(() => processStartedAt(holder) === null, "the holder ended");
});

test("a person sees the present screen, types, and leaves without ending the program", async () => {
  const address = await stage.launch("agent-1");
  await untilIdle(stage.terminal, address);
  await stage.terminal.paste(address, "already here");
  await screenShows(stage.terminal, address, "› already here");
  const person = await stage.personAttaches(address);
  await until(() => person.seen().includes("already here"), "the person sees the screen");
  person.type("!\x02d");
  expect(await person.left).toBe(0);
  expect(person.seen()).toContain("[detached]");
  expect(person.seen()).toContain("\x1b[?2004l");
  await screenShows(stage.terminal, address, "› already here!");
  expect((await stage.terminal.view(address)).viewers).toBe(0);
});

test("the program takes the size of the person's window", async () => {
  const script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done";
  const address = await stage.launch("agent-1", { argv: ["/bin/sh", "-c", script] });
  await screenShows(stage.terminal, address, "ready");
  const person = seatPerson(stage.terminal.attachCommand(address), { cols: 77, rows: 21 });
  await screenShows(stage.terminal, address, "21 77");
  person.type("\x1c");
  expect(await person.left).toBe(0);
});

test("a person is told when the program ends", async () => {
  const address = await stage.launch("agent-1");
  await untilIdle(stage.terminal, address);
  const person = await stage.personAttaches(address);
  person.type("/exit 4\r");
  expect(await person.left).toBe(0);
  expect(person.seen()).toContain("the program ended with code 4");
});

test("attaching to nothing is a clear error", async () => {
  const address = await stage.launch("agent-1");
  await stage.terminal.kill(address);
  const person = seatPerson(stage.terminal.attachCommand(address));
  expect(await person.left).toBe(1);
  expect(person.seen()).toContain("No living terminal answers");
});

test("a question to the terminal is answered once, by the holder, also while a person is attached", async () => {
  const script =
    "stty -icanon -echo min 1; echo ready; read -r go; printf '\\033[6n'; sleep 0.5; dd bs=64 count=1 2>/dev/null | od -c | head -3";
  const address = await stage.launch("agent-1", { argv: ["/bin/sh", "-c", script] });
  await screenShows(stage.terminal, address, "ready");
  await stage.personAttaches(address);
  await stage.terminal.paste(address, "\n");
  await screenShows(stage.terminal, address, "0000006");
});

test("answers and focus reports of a person's terminal are no keystrokes", () => {
  const replies = "\x1b[12;40R\x1b[?1;2c\x1b[>0;276;0c\x1b]11;rgb:00/00/00\x1b\\\x1bP1+r\x1b\\\x1b[?2026;2$y";
  expect(readPersonInput(replies)).toEqual({ forProgram: "", isTyping: false });
  expect(readPersonInput("\x1b[I")).toEqual({ forProgram: "\x1b[I", isTyping: false });
  expect(readPersonInput("\x1b[A")).toEqual({ forProgram: "\x1b[A", isTyping: true });
  expect(readPersonInput(`a${replies}b`)).toEqual({ forProgram: "ab", isTyping: true });
});

test("the prefix key leaves, doubles, or passes, also when the keys come one by one", () => {
  const keys = detachKeys();
  expect(keys("a\x02")).toEqual({ forProgram: "a", isDetaching: false });
  expect(keys("x")).toEqual({ forProgram: "\x02x", isDetaching: false });
  expect(keys("\x02\x02")).toEqual({ forProgram: "\x02", isDetaching: false });
  expect(keys("b\x02")).toEqual({ forProgram: "b", isDetaching: false });
  expect(keys("d")).toEqual({ forProgram: "", isDetaching: true });
});
