import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answers, schemaOf } from "../../../api/cli/answers.ts";
import { runCommandLine } from "../../../api/cli/run.ts";
import type { Screen } from "../../../api/cli/surroundings.ts";
import type { ConnectReport, DoctorReport } from "../../../api/cli/views/agents.ts";
import { createStage, type Outcome, type Stage } from "./stage.ts";

let stage: Stage;
/** The person's home, and a folder of programs. */
let person: string;
let programs: string;
beforeEach(async () => {
  stage = await createStage();
  person = await mkdtemp(join(tmpdir(), "rouse-person-"));
  programs = join(person, "bin");
  await mkdir(programs);
});
afterEach(async () => {
  await stage.close();
  await rm(person, { recursive: true, force: true });
});

const rouse = (...args: string[]): Promise<Outcome> => {
  const environment = { HOME: person, PATH: `${programs}:/usr/bin:/bin` };
  return stage.rouse(["agent", ...args], { environment });
};

async function report<Report>(...args: string[]): Promise<Report> {
  const { out, err } = await rouse(...args, "--json");
  expect(err).toBe("");
  const value = JSON.parse(out) as Report;
  expect(
    schemaOf(args[0] === "connect" ? answers["agent connect"]! : answers["agent doctor"]!).parse(value),
  ).toEqual(value);
  return value;
}

async function install(name: string, script: string): Promise<void> {
  await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`);
  await chmod(join(programs, name), 0o755);
}

const codexThat = (does: Record<string, string>) =>
  install(
    "codex",
    `case "$1 $2" in ${Object.entries(does)
      .map(([words, lines]) => `"${words}") ${lines};;`)
      .join(" ")} esac`,
  );

const healthyCodex = {
  "--version ": "echo codex-cli 0.169.0",
  "login status": "echo Logged in using sk-secret",
  "app-server --help": "echo ok",
};

const file = (...names: string[]) => readFile(join(person, ...names), "utf8");

describe("agent doctor", () => {
  afterEach(() => {
    process.exitCode = undefined;
  });

  async function examine(
    kind: string,
  ): Promise<{ ok: boolean; of: (code: string) => DoctorReport["checks"][number] | undefined }> {
    const { ok, checks } = await report<DoctorReport>("doctor", kind);
    expect(process.exitCode).toBe(ok ? undefined : 1);
    return { ok, of: (code) => checks.find((check) => check.code === code) };
  }

  test("tells people each thing with its state, and what to do about it", async () => {
    await codexThat({ ...healthyCodex, "login status": "exit 1" });
    const { out, err, code } = await rouse("doctor", "codex");
    expect({ code, exit: process.exitCode }).toEqual({ code: 0, exit: 1 });
    expect(out).toMatch(/^ok +program +Codex is .*bin\/codex\.\n/);
    expect(out).toMatch(/\nfail +signed_in +Codex is not signed in\.\n +next: Run codex login\.\n/);
    expect(out).toMatch(/\nwarn +connected .*\n +next: Run rouse agent connect codex --agent NAME\.\n/);
    expect(out).toMatch(/\nAgents of kind codex do not work here yet\.\n$/);
    expect(err).toContain("  asking Codex whether it is signed in …\n");
  });

  test("finds nothing wrong where all is well, and repeats nothing that the program says", async () => {
    await codexThat(healthyCodex);
    const { ok, of } = await examine("codex");
    expect(ok).toBe(true);
    for (const code of ["program", "version", "settings", "signed_in", "channels", "endpoint"])
      expect(of(code)).toMatchObject({ status: "ok", next_step: null });
    expect(of("endpoint")?.text).toMatch(/ gives you \d\d tools over MCP\.$/);
    expect((await rouse("doctor", "codex")).out).not.toContain("sk-secret");
  });

  test("does not ask a program that is not there", async () => {
    const { ok, of } = await examine("claude-code");
    expect(ok).toBe(false);
    expect(of("program")).toMatchObject({
      status: "fail",
      next_step: expect.stringContaining("npm install") as string,
    });
    expect([of("version"), of("signed_in"), of("channels")]).toEqual([undefined, undefined, undefined]);
  });

  test("says of a version that was never recorded that it is not woken, and which one is known", async () => {
    await codexThat({ ...healthyCodex, "--version ": String.raw`printf '\033[2Jcodex-cli 9.9.9\007\n'` });
    const { of } = await examine("codex");
    expect(of("version")).toMatchObject({
      status: "fail",
      text: expect.stringMatching(/^Version 9\.9\.9 was never recorded/) as string,
      next_step: expect.stringContaining("@openai/codex@0.169.0") as string,
    });
  });

  test("asks only a known Claude Code whether it is signed in: another would take that for a prompt", async () => {
    const asked = join(person, "asked");
    const claude = (version: string, said: string) =>
      install(
        "claude",
        `if [ "$1" = --version ]; then echo ${version}; else touch ${asked}; echo '${said}'; fi`,
      );
    await claude("1.0.0", "");
    expect((await examine("claude-code")).of("signed_in")).toMatchObject({ status: "warn" });
    expect(await readdir(person)).not.toContain("asked");
    process.exitCode = undefined;
    await claude("2.1.328", '{"loggedIn": true, "email": "ann@example.org"}');
    expect((await examine("claude-code")).of("signed_in")).toMatchObject({ status: "ok" });
    await claude("2.1.328", '{"loggedIn": "[31m"}');
    expect((await examine("claude-code")).of("signed_in")).toMatchObject({ status: "fail" });
  });

  test("says how Gemini CLI signs in, by the person's settings, else by the environment", async () => {
    await install("gemini", "echo 0.61.0");
    const signedIn = async () => (await examine("gemini")).of("signed_in");
    expect(await signedIn()).toMatchObject({
      status: "fail",
      next_step: expect.stringContaining("GEMINI_API_KEY") as string,
    });
    process.exitCode = undefined;
    await mkdir(join(person, ".gemini"));
    const chosen = '{"security": {"auth": {"selectedType": "oauth-personal"}}}';
    await writeFile(join(person, ".gemini/settings.json"), chosen);
    expect(await signedIn()).toMatchObject({
      status: "ok",
      text: "Your settings sign in by oauth-personal.",
    });
  });

  test("is not misled by a program that floods it", async () => {
    await install("codex", "exec yes");
    const { of } = await examine("codex");
    expect([of("version")?.status, of("signed_in")?.status]).toEqual(["fail", "fail"]);
  });

  test("says that settings cannot be written or read", async () => {
    await codexThat(healthyCodex);
    await writeFile(join(person, ".codex"), "no folder");
    expect((await examine("codex")).of("settings")).toMatchObject({ status: "fail" });
    await rm(join(person, ".codex"));
    await mkdir(join(person, ".codex"));
    await writeFile(join(person, ".codex/config.toml"), "key = sk-secret");
    const { of } = await examine("codex");
    expect(of("settings")).toMatchObject({ status: "ok" });
    expect(of("connected")).toMatchObject({
      status: "fail",
      text: expect.not.stringContaining("sk-") as string,
    });
  });

  test("says why our tools cannot be had: no node, a token that is refused", async () => {
    const at = async (...more: string[]) =>
      (await report<DoctorReport>("doctor", "generic", ...more)).checks.find(
        ({ code }) => code === "endpoint",
      );
    expect(await at("--token", "a.b.c")).toMatchObject({
      status: "fail",
      next_step: expect.any(String) as string,
    });
    expect(await at("--url", "http://127.0.0.1:9", "--token", "t")).toMatchObject({
      status: "fail",
      text: "Our tools cannot be had: no node answers at http://127.0.0.1:9.",
    });
    await rm(join(stage.home, "node.json"));
    expect(await at()).toMatchObject({ status: "fail", next_step: "Run rouse up." });
  });

  test("knows which kinds there are", async () => {
    const { code, err } = await rouse("doctor", "emacs");
    expect(code).toBe(2);
    expect(err).toContain("Use one of: codex, claude-code, opencode, gemini");
  });
});

describe("agent connect", () => {
  const connect = (...args: string[]) => report<ConnectReport>("connect", ...args);
  const config =
    '# mine\nmodel = "x"\n\n[mcp_servers.other]\ncommand = "true"\nenv = { KEY = "sk-secret" }\n';

  beforeEach(async () => {
    await mkdir(join(person, ".codex"));
    await writeFile(join(person, ".codex/config.toml"), config, { mode: 0o640 });
  });

  test("shows the change alone, writes it once, keeps the mode, and takes it back to the byte", async () => {
    const { files } = await connect("codex", "--agent", "codex-1", "--yes");
    expect(files).toHaveLength(1);
    expect(files[0]?.diff).toMatch(
      /^--- (.*)\n\+\+\+ \1\n@@ -6,0 \+7,\d+ @@\n\+\n\+# By .*\n\+\[mcp_servers\.rouse\]\n/,
    );
    expect(files[0]?.diff).not.toContain("sk-secret");
    const written = await file(".codex/config.toml");
    expect(written.startsWith(config)).toBe(true);
    expect(written).toMatch(/args = \[.*"mcp", "--agent", "codex-1"\]\nenv = \{ "ROUSE_HOME" = /);
    expect((await stat(join(person, ".codex/config.toml"))).mode & 0o777).toBe(0o640);

    expect(await connect("codex", "--agent", "codex-1", "--yes")).toMatchObject({
      written: false,
      files: [],
    });
    expect(await file(".codex/config.toml")).toBe(written);
    expect(await connect("codex", "--undo", "--yes")).toMatchObject({ undo: true, written: true });
    expect(await file(".codex/config.toml")).toBe(config);
    expect(await connect("codex", "--undo", "--yes")).toMatchObject({ written: false, files: [] });
    expect(await readdir(join(person, ".codex"))).toEqual(["config.toml"]);
    expect(await readdir(stage.home)).not.toContain("connected.json");
  });

  test("makes Claude Code's files where there are none, lets it use our tools, and leaves none behind", async () => {
    const { files } = await connect("claude-code", "--agent", "claude-1", "--yes");
    expect(files.map(({ diff }) => diff.split("\n", 1)[0])).toEqual(["--- /dev/null", "--- /dev/null"]);
    expect(JSON.parse(await file(".claude.json"))).toMatchObject({
      mcpServers: { rouse: { type: "stdio", env: { ROUSE_HOME: stage.home }, alwaysLoad: true } },
    });
    expect(JSON.parse(await file(".claude/settings.json"))).toEqual({
      permissions: { allow: ["mcp__rouse"] },
    });
    expect((await stat(join(person, ".claude.json"))).mode & 0o777).toBe(0o600);
    await connect("claude-code", "--undo", "--yes");
    expect(await readdir(person)).not.toContain(".claude.json");
    expect(await readdir(join(person, ".claude"))).toEqual([]);
  });

  test("lets Gemini CLI's own sessions use our tools, with a token of the environment only where no agent is named", async () => {
    await mkdir(join(person, ".gemini"));
    const settings = '{\n  "ui": { "theme": "Ayu" }\n}\n';
    await writeFile(join(person, ".gemini/settings.json"), settings);
    const server = async () =>
      (JSON.parse(await file(".gemini/settings.json")) as { mcpServers: { rouse: object } }).mcpServers.rouse;
    await connect("gemini", "--agent", "gemini-1", "--yes");
    expect(await server()).toMatchObject({ trust: true, env: { ROUSE_HOME: stage.home } });
    expect(await server()).not.toHaveProperty("env.ROUSE_TOKEN");
    await connect("gemini", "--undo", "--yes");
    expect(await file(".gemini/settings.json")).toBe(settings);
    await connect("gemini", "--yes");
    expect(await server()).toMatchObject({ env: { ROUSE_TOKEN: "$ROUSE_TOKEN" } });
  });

  test("leaves alone a file that needs no change, and what the person had allowed before", async () => {
    await mkdir(join(person, ".claude"));
    const settings = join(person, ".claude/settings.json");
    await writeFile(settings, '{"permissions": {"allow": ["mcp__rouse"]}}');
    const { ino } = await stat(settings);
    expect((await connect("claude-code", "--yes")).files).toHaveLength(1);
    expect((await connect("claude-code", "--undo", "--yes")).files).toHaveLength(1);
    expect(await file(".claude/settings.json")).toBe('{"permissions": {"allow": ["mcp__rouse"]}}');
    expect((await stat(settings)).ino).toBe(ino);
  });

  test("only looks with --dry-run, and writes nothing for whom it cannot ask", async () => {
    const look = await rouse("connect", "codex", "--dry-run");
    expect(look).toMatchObject({ code: 0, err: "" });
    expect(look.out).toMatch(/\n\+\[mcp_servers\.rouse\]\n[^]*Nothing was written: this was a look\.\n$/);
    for (const more of [[], ["--json"]]) {
      const { code, err } = await rouse("connect", "codex", ...more);
      expect(code).toBe(2);
      expect(err).toContain("--yes");
    }
    expect(await file(".codex/config.toml")).toBe(config);
    expect(await readdir(stage.home)).not.toContain("connected.json");
  });

  test("asks a person, and takes nothing but a yes for one", async () => {
    const answer = async (key: string) => {
      const screen: Screen = {
        size: () => ({ columns: 80, rows: 24 }),
        onResize: () => () => {},
        onKey(listener) {
          queueMicrotask(() => listener(key));
          return () => {};
        },
      };
      let out = "";
      await runCommandLine(["agent", "connect", "codex", "--agent", "codex-1"], {
        environment: { HOME: person, ROUSE_HOME: stage.home },
        ...{
          out: (text) => (out += text),
          err: (text) => (out += text),
          now: () => 0,
          readInput: async () => null,
        },
        ...{ isTerminal: true, columns: 80, screen },
      });
      return out;
    };
    expect(await answer("\r")).toContain("Write this? [y/N] n\nNothing was written.\n");
    expect(await file(".codex/config.toml")).toBe(config);
    expect(await answer("y")).toContain("Codex is connected. It speaks as codex-1 from its next start on.\n");
    expect(await file(".codex/config.toml")).toContain("[mcp_servers.rouse]");
  });

  test("refuses another server by our name, and says so in doctor's words too", async () => {
    await writeFile(join(person, ".codex/config.toml"), '[mcp_servers.rouse]\nurl = "http://x"\n');
    const { code, err } = await rouse("connect", "codex", "--yes", "--json");
    expect(code).toBe(5);
    expect(JSON.parse(err)).toMatchObject({
      code: "already_exists",
      details: { entry: "mcp_servers.rouse" },
    });
  });

  test("writes neither file when one of them cannot be changed", async () => {
    await mkdir(join(person, ".claude"));
    await writeFile(join(person, ".claude/settings.json"), "{");
    expect(await rouse("connect", "claude-code", "--yes")).toMatchObject({ code: 2 });
    expect(await readdir(person)).not.toContain(".claude.json");
  });

  test("follows a link within the person's folders, and none out of them", async () => {
    const [link, dotfiles] = [join(person, ".codex/config.toml"), join(person, "dotfiles.toml")];
    await writeFile(dotfiles, config);
    await rm(link);
    await symlink("../dotfiles.toml", link);
    await connect("codex", "--yes");
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(dotfiles, "utf8")).toContain("[mcp_servers.rouse]");
    await connect("codex", "--undo", "--yes");
    expect(await readFile(dotfiles, "utf8")).toBe(config);

    const outside = join(stage.home, "elsewhere.toml");
    await writeFile(outside, config);
    await rm(link);
    await symlink(outside, link);
    expect(await rouse("connect", "codex", "--yes")).toMatchObject({ code: 3, out: "" });
    await rm(outside);
    expect((await rouse("connect", "codex", "--yes")).err).toContain("a link that leads nowhere");
  });

  test("says that a folder is none", async () => {
    await rm(join(person, ".codex"), { recursive: true });
    await symlink("/dev/null", join(person, ".codex"));
    const { code, err } = await rouse("connect", "codex", "--yes", "--json");
    expect(code).toBe(7);
    expect(JSON.parse(err)).toMatchObject({ code: "directory_not_writable", retryable: false });
  });

  test("takes no odd name for an agent, and no kind that has no settings", async () => {
    expect(await rouse("connect", "codex", "--agent", "--undo")).toMatchObject({ code: 2 });
    expect(await rouse("connect", "codex", "--agent", "Ann; rm", "--yes")).toMatchObject({ code: 2 });
    const { code, err } = await rouse("connect", "generic");
    expect(code).toBe(2);
    expect(err).toContain("rouse mcp");
  });
});
