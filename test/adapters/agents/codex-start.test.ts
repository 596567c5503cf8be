import { spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { until } from "../../network/until.ts";
import { type Stage, stageKinds } from "../terminals/stage.ts";
import { screenShows } from "../terminals/terminal-conformance.ts";

/** A Codex whose app-server, deaf to a hang-up as in the midst of a turn, notes its process id and listens behind a link. */
const fakeCodex = `
import { symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
const [, , what, , address = ""] = process.argv;
if (what === "app-server") {
  if (process.env.BROKEN === "1") { console.error("no home here"); process.exit(3); }
  process.on("SIGHUP", () => {});
  const real = process.env.NOTE + ".sock";
  writeFileSync(real + ".lock", "");
  createServer().listen(real, () => symlinkSync(real, address.slice("unix://".length)));
  writeFileSync(process.env.NOTE, String(process.pid));
} else {
  console.log("the session");
  setInterval(() => {}, 1_000);
}
`;

describe.each(stageKinds.filter(({ isAvailable, hasProcesses }) => isAvailable && hasProcesses))(
  "Codex with an app-server of its own, in $name",
  (kind) => {
    let stage: Stage;
    let note: string;
    beforeEach(() => {
      stage = kind.open();
      note = join(stage.folder, "server.pid");
    });
    afterEach(() => stage.end());

    async function start(env: Record<string, string> = {}, folder = stage.folder): Promise<TerminalAddress> {
      const fake = join(stage.folder, "codex.mjs");
      writeFileSync(fake, fakeCodex);
      const command = [process.execPath, fake];
      const definition = { command, cwd: stage.folder, env: { NOTE: note, ...env } };
      const { argv, ...launch } = readAgentProgram(agentKinds, "codex", definition).launch(
        { purpose: "start", sessionId: null, prompt: null },
        {
          ...{
            workspaceId: "w",
            agentId: "ann",
            runtimeId: "rt-1",
            mcpUrl: "http://127.0.0.1:1/mcp",
            stdioServer: { command: "rouse", args: ["mcp"], env: {} },
          },
          ...{ credential: { token: "t" }, folder, baseEnv: { PATH: process.env["PATH"] } },
        },
      );
      return stage.launch("ann", { argv, ...launch });
    }

    const quietly = { throwIfNoEntry: false } as const;
    const serverPid = () => Number(readFileSync(note, "utf8"));
    const socket = () => join(stage.folder, "rt-1.sock");

    test("its terminal's process becomes the program, and the server below it ends with it, however it ends", async () => {
      const address = await start();
      await screenShows(stage.terminal, address, "the session");
      expect(processStartedAt(address.pid)).toBe(address.pidStartedAt);
      const { stdout } = spawnSync("ps", ["-o", "args=", "-p", String(address.pid)]);
      expect(String(stdout)).toMatch(/codex\.mjs --remote unix:/);
      expect(processStartedAt(serverPid())).not.toBeNull();
      stage.killProgram(address);
      await until("the server to end", 20_000, () => processStartedAt(serverPid()) === null);
      const left = [socket(), `${note}.sock`, `${note}.sock.lock`];
      await until("its socket to go", 20_000, () => !left.some((path) => lstatSync(path, quietly)));
    });

    test("it starts in a folder whose path is longer than the address of a socket may be", async () => {
      const folder = join(stage.folder, "f".repeat(120));
      mkdirSync(folder);
      await screenShows(stage.terminal, await start({}, folder), "the session");
    });

    test("without its server the program does not stay either", async () => {
      const address = await start();
      await screenShows(stage.terminal, address, "the session");
      process.kill(serverPid(), "SIGKILL");
      await until("the program to end", 20_000, () => processStartedAt(address.pid) !== address.pidStartedAt);
    });

    test("a server that does not start is the reason on the screen", async () => {
      const address = await start({ BROKEN: "1" });
      await until("its end", 30_000, async () => !(await stage.terminal.view(address)).alive);
      const { lines } = await stage.terminal.view(address);
      expect(lines.join("\n")).toContain("rouse: cannot start: codex app-server: no home here");
    });
  },
);
