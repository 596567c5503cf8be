import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { attachCommand } from "../../../api/cli/commands/attach.ts";
import type { Runtime } from "../../../api/cli/payloads.ts";

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
  last_seen_at: "2026-01-01T00:00:00.000Z",
  detail: null,
};

describe("the command that shows a runtime's terminal", () => {
  test("is tmux on its own socket for a pane", () => {
    const command = attachCommand({ ...runtime, backend: "tmux", server: "/run/a b.sock", target: "%3" });
    expect(command).toEqual(["tmux", "-S", "/run/a b.sock", "attach-session", "-t", "%3"]);
  });

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
