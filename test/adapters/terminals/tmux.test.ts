import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { createTmuxTerminal } from "../../../adapters/terminals/tmux/terminal.ts";
import { changedPane } from "../../../adapters/terminals/tmux/control-client.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { hasTmux, promptFixture, promptRequest, type Stage, stageKinds, until } from "./stage.ts";
import { screenShows, submit, untilIdle } from "./terminal-conformance.ts";

const read = createScreenReader(promptPatterns);

test("a machine without tmux is told so, with a next step", async () => {
  const terminal = createTmuxTerminal({
    folder: "/tmp/rouse-none",
    clock: systemClock,
    program: "/nowhere/tmux",
  });
  await expect(terminal.probe()).rejects.toMatchObject({
    code: "terminal_backend_missing",
    nextStep: expect.stringContaining("pty"),
  });
  const request = promptRequest("agent-1");
  await expect(terminal.launch(request)).rejects.toMatchObject({ code: "terminal_backend_missing" });
  expect(existsSync("/tmp/rouse-none")).toBe(false);
});

test("a tmux that is too old or does not answer is told so", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rouse-old-tmux-"));
  const script = (name: string, body: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o700 });
    return path;
  };
  const options = { folder, clock: systemClock };
  for (const version of ["tmux 2.9a", "tmux 3.1c"]) {
    const old = createTmuxTerminal({ ...options, program: script("old", `echo ${version}`) });
    await expect(old.probe()).rejects.toMatchObject({ code: "terminal_backend_missing" });
  }
  for (const version of ["tmux 3.2", "tmux 3.10", "tmux next-3.7", "tmux master"]) {
    const young = createTmuxTerminal({ ...options, program: script("young", `echo ${version}`) });
    expect((await young.probe()).version).toBe(version.slice(5));
  }
  const hanging = createTmuxTerminal({
    ...options,
    timeoutMs: 300,
    program: script("hanging", "exec sleep 600"),
  });
  await expect(hanging.probe()).rejects.toMatchObject({ code: "terminal_failed" });
  rmSync(folder, { recursive: true });
});

test("what a control client says names the pane it is about", () => {
  expect(changedPane("%output %12 some %13 text")).toBe("%12");
  expect(changedPane("%subscription-changed rouse $0 @1 1 %3 : 1|0|42|%4 :")).toBe("%3");
  expect(changedPane("%pane-mode-changed %7")).toBe("%7");
  expect(changedPane("%client-detached /dev/pts/1")).toBeNull();
  expect(changedPane("%exit")).toBeNull();
  for (const line of ["%begin 1 2 0", "%end 1 2 0", "%session-changed $0 rouse", ""])
    expect(changedPane(line)).toBeUndefined();
});

describe.skipIf(!hasTmux)("our tmux server", () => {
  let stage: Stage;
  beforeEach(() => {
    stage = openTmuxStage();
  });
  afterEach(() => stage.end());

  const tmux = (address: TerminalAddress, ...args: string[]) =>
    execFileSync("tmux", ["-S", address.server, ...args])
      .toString()
      .trim();

  test("takes no configuration of the user and no clipboard request of a program", async () => {
    const address = await stage.launch("agent-1");
    expect(tmux(address, "show-options", "-sv", "set-clipboard")).toBe("off");
    expect(tmux(address, "display-message", "-p", "#{config_files}")).toBe("/dev/null");
  });

  test("rings the bell on the screens of who is attached, and gives no program a byte", async () => {
    const address = await stage.launch("agent-1");
    expect(await stage.terminal.ringViewers?.()).toBe(0);
    const person = await stage.personAttaches(address);
    const before = (await stage.terminal.view(address)).lines;
    expect(person.seen()).not.toContain("\u0007");
    expect(await stage.terminal.ringViewers?.()).toBe(1);
    await until(async () => person.seen().includes("\u0007"), "the bell was heard");
    expect((await stage.terminal.view(address)).lines).toEqual(before);
    await person.leave();
  });

  test("outlives its last program", async () => {
    const first = await stage.launch("agent-1");
    await stage.terminal.kill(first, { graceMs: 0 });
    const second = await stage.launch("agent-2");
    expect(tmux(second, "list-windows", "-F", "#{window_name}")).toBe("keep-alive\nagent-2");
  });

  test("outlives us while an agent lives in it, and ends with us otherwise", async () => {
    const address = await stage.terminal.launch(promptRequest("agent-1"));
    const isUp = (): boolean => spawnSync("tmux", ["-S", address.server, "has-session"]).status === 0;
    await stage.terminal.close();
    expect(isUp()).toBe(true);
    await stage.terminal.kill(address);
    await stage.terminal.close();
    await until(async () => !isUp(), "the server has ended");
  });

  test("a server that was killed is started again, and its panes are missing", async () => {
    const first = await stage.launch("agent-1");
    tmux(first, "kill-server");
    await until(async () => (await stage.terminal.find("agent-1")) === null, "the server is gone");
    await expect(stage.terminal.view(first)).rejects.toMatchObject({ code: "terminal_missing" });
    await stage.terminal.kill(first);
    const second = await stage.launch("agent-1");
    expect(second.pid).not.toBe(first.pid);
    // The pane ids begin anew, so the old address now points at a living stranger.
    expect(second.target).toBe(first.target);
    await expect(stage.terminal.view(first)).rejects.toMatchObject({ code: "terminal_identity_mismatch" });
    await expect(stage.terminal.paste(first, "x")).rejects.toMatchObject({
      code: "terminal_identity_mismatch",
    });
  });

  test("a program keeps the asked size while only programs watch", async () => {
    const address = await stage.launch("agent-1", { columns: 111, rows: 33 });
    let rings = 0;
    await stage.terminal.watch(address, () => (rings += 1));
    await untilIdle(stage.terminal, address);
    await until(
      () => tmux(address, "list-clients", "-F", "#{client_control_mode}") === "1",
      "the control client is attached",
    );
    await until(() => rings > 0, "the watcher is rung");
    expect(tmux(address, "display-message", "-p", "-t", address.target, "#{pane_width}x#{pane_height}")).toBe(
      "111x33",
    );
    expect((await stage.terminal.view(address)).viewers).toBe(0);
    expect((await stage.terminal.view(address)).humanIdleMs).toBeNull();
  });

  test("all watchers of a server share one control client, and it ends with them", async () => {
    const addresses = [await stage.launch("agent-1"), await stage.launch("agent-2")];
    const [first] = addresses;
    if (first === undefined) throw new Error("nothing was launched");
    const unsubscribes = await Promise.all(
      addresses.map((address) => stage.terminal.watch(address, () => {})),
    );
    const clients = () =>
      tmux(first, "list-clients", "-F", "#{client_control_mode}").split("\n").filter(Boolean).length;
    await until(() => clients() === 1, "one control client is attached");
    for (const unsubscribe of unsubscribes) unsubscribe();
    await until(() => clients() === 0, "the control client left");
  });

  test("a control client that was killed is replaced", async () => {
    const address = await stage.launch("agent-1");
    await untilIdle(stage.terminal, address);
    let rings = 0;
    await stage.terminal.watch(address, () => (rings += 1));
    const clientPid = () => tmux(address, "list-clients", "-F", "#{client_pid}");
    await until(() => clientPid() !== "", "the control client is attached");
    const first = clientPid();
    process.kill(Number(first), "SIGKILL");
    await until(() => clientPid() !== "" && clientPid() !== first, "another control client is attached");
    const before = rings;
    await stage.terminal.paste(address, "x");
    await until(() => rings > before, "the watcher is rung");
  });

  test("two people look at two agents, and a person at one is no viewer of the other", async () => {
    const [one, two] = [await stage.launch("agent-1"), await stage.launch("agent-2")];
    await untilIdle(stage.terminal, one);
    await untilIdle(stage.terminal, two);
    const person = await stage.personAttaches(one);
    expect((await stage.terminal.view(two)).viewers).toBe(0);
    await stage.personAttaches(two);
    expect((await stage.terminal.view(one)).viewers).toBe(1);
    person.type("for one");
    await screenShows(stage.terminal, one, "› for one");
    expect(read(await stage.terminal.view(two)).draft).toBe("");
    await person.leave();
    await until(async () => (await stage.terminal.view(one)).viewers === 0, "the person left");
    expect((await stage.terminal.view(one)).alive).toBe(true);
    expect(tmux(one, "list-panes", "-a", "-F", "#{@rouse_runtime}").split("\n")).toContain("agent-1");
  });

  test("a pane of somebody else's server is adopted, watched, typed into, and lost without remains", async () => {
    const server = join(stage.folder, "theirs.sock");
    const theirs = (...args: string[]) =>
      execFileSync("tmux", ["-S", server, "-f", "/dev/null", ...args])
        .toString()
        .trim();
    try {
      const target = theirs(
        "new-session",
        "-d",
        "-P",
        "-F",
        "#{pane_id}",
        "-s",
        "work",
        "--",
        process.execPath,
        promptFixture,
      );
      const address = await stage.terminal.adopt({ server, target });
      expect(address).toMatchObject({ backend: "tmux", server, target });
      await untilIdle(stage.terminal, address);
      await stage.terminal.watch(address, () => {});
      await submit(stage.terminal, address, "hello");
      await screenShows(stage.terminal, address, "> hello");
      await submit(stage.terminal, address, "/exit 0");
      await until(async () => isMissing(address), "the pane is missing");
    } finally {
      spawnSync("tmux", ["-S", server, "kill-server"]);
    }
  });

  const isMissing = async (address: TerminalAddress): Promise<boolean> => {
    const outcome = await stage.terminal.view(address).then(
      (view) => (view.alive ? "alive" : "dead"),
      (error: unknown) => (error instanceof Error && "code" in error ? error.code : "other"),
    );
    return outcome === "terminal_missing";
  };

  test("only pane ids and sockets of this user are adopted", async () => {
    const address = await stage.launch("agent-10");
    for (const target of ["agent-1", "agent-10", "rouse:agent-10", "%1;", "%", "-t", "=rouse"]) {
      await expect(stage.terminal.adopt({ server: address.server, target })).rejects.toMatchObject({
        code: "invalid_input",
      });
    }
    await expect(stage.terminal.adopt({ server: address.server, target: "%99" })).rejects.toMatchObject({
      code: "terminal_missing",
    });
    await expect(stage.terminal.adopt({ server: "default", target: "%1" })).rejects.toMatchObject({
      code: "invalid_input",
    });
    for (const server of ["/nowhere/socket", stage.folder]) {
      await expect(stage.terminal.adopt({ server, target: "%1" })).rejects.toMatchObject({
        code: "terminal_missing",
      });
    }
  });

  test("no paste buffer is left behind, also when the paste was refused", async () => {
    const address = await stage.launch("agent-1");
    await untilIdle(stage.terminal, address);
    await stage.terminal.paste(address, "x");
    await stage.openHistory?.(address);
    await expect(stage.terminal.paste(address, "y")).rejects.toMatchObject({ code: "conflict" });
    expect(tmux(address, "list-buffers")).toBe("");
  });
});

function openTmuxStage(): Stage {
  const kind = stageKinds.find(({ name }) => name === "tmux");
  if (kind === undefined) throw new Error("no tmux stage");
  return kind.open();
}
