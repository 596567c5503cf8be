import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { attachCommand } from "../../../api/cli/commands/attach.ts";
import type { Runtime } from "../../../api/cli/payloads.ts";
import { seatPerson, type Person } from "../../adapters/terminals/person.ts";

const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

const runtime: Runtime = {
  runtime_id: "rt-1",
  agent_id: "bob",
  host: "here",
  state: "idle",
  states: [],
  management: "managed",
  injection: "open",
  backend: null,
  server: null,
  target: null,
  pid: null,
  session_id: null,
  dialog: null,
  answer: null,
  last_seen_at: "2026-01-01T00:00:00.000Z",
  detail: null,
};

describe("the command that shows a runtime's terminal", () => {
  test("is tmux on its own socket for a pane", () => {
    const command = attachCommand({ ...runtime, backend: "tmux", server: "/run/a b.sock", target: "%3" });
    expect(command.slice(0, 6)).toEqual(["tmux", "-S", "/run/a b.sock", "new-session", "-t", "%3"]);
  });

  test.runIf(hasTmux)(
    "gives each person a view of their own: nobody's keys land in another terminal",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "rouse-attach-"));
      const server = join(folder, "tmux.sock");
      const tmux = (...args: string[]) => execFileSync("tmux", ["-S", server, ...args]).toString();
      tmux(
        "-f",
        "/dev/null",
        "new-session",
        "-d",
        "-x",
        "80",
        "-y",
        "24",
        "cat",
        ";",
        "new-window",
        "-d",
        "cat",
      );
      const people: Person[] = [];
      try {
        const panes = tmux("list-panes", "-s", "-F", "#{pane_id}").trim().split("\n");
        for (const target of panes) {
          people.push(seatPerson(attachCommand({ ...runtime, backend: "tmux", server, target })));
          await vi.waitFor(() => expect(tmux("list-clients", "-F", "#{pane_id}")).toContain(target), 15_000);
        }
        people.forEach((person, index) => person.type(`I am ${index}`));
        for (const [index, pane] of panes.entries()) {
          const shown = () => tmux("capture-pane", "-p", "-t", pane).trim();
          await vi.waitFor(() => expect(shown()).toBe(`I am ${index}`), 15_000);
        }
      } finally {
        await Promise.all(people.map((person) => person.leave()));
        tmux("kill-server");
        rmSync(folder, { recursive: true, force: true });
      }
    },
  );

  test("is our own program for a held terminal, and that program exists", () => {
    const command = attachCommand({ ...runtime, backend: "pty", server: "/run/x.sock", target: "rt-1" });
    expect(command.at(-1)).toBe("/run/x.sock");
    expect(existsSync(command[2] ?? "")).toBe(true);
  });

  test("is none where there is no terminal of ours", () => {
    expect(() => attachCommand(runtime)).toThrow("no terminal to attach to");
    expect(() => attachCommand({ ...runtime, backend: "scripted", server: "s", target: "t" })).toThrow(
      "no terminal",
    );
  });
});
