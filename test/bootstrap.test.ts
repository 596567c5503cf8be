import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const LOCK = {
  packages: {
    "": { name: "sample" },
    ".ci/here": { version: "1.0.0" },
    "node_modules/here": { link: true },
    "node_modules/always": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/for-this-machine": {
      version: "1.0.0",
      optional: true,
      os: process.platform,
      cpu: [process.arch],
    },
    "node_modules/for-another-machine": { version: "1.0.0", optional: true, os: ["other"] },
    "node_modules/not-for-this-machine": { version: "1.0.0", optional: true, os: [`!${process.platform}`] },
  },
};
const INSTALLED = {
  packages: {
    ".ci/here": LOCK.packages[".ci/here"],
    "node_modules/always": LOCK.packages["node_modules/always"],
    "node_modules/for-this-machine": LOCK.packages["node_modules/for-this-machine"],
  },
};

/** Stands for npm: writes what it is told was installed, prints what it is told to print, and leaves a trace. */
const FAKE_NPM = `
const { mkdirSync, symlinkSync, writeFileSync } = require("node:fs");
writeFileSync("npm-arguments.json", JSON.stringify(process.argv.slice(2)));
const { FAKE_INSTALLED, FAKE_ERROR } = process.env;
if (FAKE_ERROR) { console.error(FAKE_ERROR); process.exit(1); }
const packaged = \`node_modules/node-\${process.platform}-\${process.arch}/bin\`;
mkdirSync("node_modules/.bin", { recursive: true });
mkdirSync(packaged, { recursive: true });
symlinkSync(process.execPath, packaged + "/node");
writeFileSync("node_modules/.package-lock.json", FAKE_INSTALLED);
`;

let project = "";

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "rouse-bootstrap-"));
  cpSync("bootstrap.mjs", join(project, "bootstrap.mjs"));
  writeFileSync(join(project, "package-lock.json"), JSON.stringify(LOCK));
  writeFileSync(join(project, "npm.cjs"), FAKE_NPM);
});

afterEach(() => rmSync(project, { recursive: true, force: true }));

function bootstrap(
  args: string[],
  env: Record<string, string> = {},
): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["bootstrap.mjs", ...args], {
    cwd: project,
    encoding: "utf8",
    env: {
      ...process.env,
      npm_execpath: join(project, "npm.cjs"),
      FAKE_INSTALLED: JSON.stringify(INSTALLED),
      FAKE_ERROR: "",
      ...env,
    },
  });
  return { code: status, out: stdout, err: stderr };
}

function writeInstalled(installed: unknown): void {
  mkdirSync(join(project, "node_modules"), { recursive: true });
  writeFileSync(join(project, "node_modules/.package-lock.json"), JSON.stringify(installed));
}

const npmRan = (): boolean => existsSync(join(project, "npm-arguments.json"));

describe("installing", () => {
  test("an empty checkout is installed, the packaged Node linked, and the command runs with it first on its PATH", () => {
    const { code, out, err } = bootstrap([
      "node",
      "-p",
      "process.argv0 + ' ' + process.env.PATH.split(':')[0]",
    ]);
    expect(err).toContain("installing");
    expect(out).toContain(`node ${project}/node_modules/.bin`);
    expect(existsSync(join(project, "node_modules/.bin/node"))).toBe(true);
    expect(code).toBe(0);
  });

  test("a checkout that matches its lockfile is left alone", () => {
    writeInstalled(INSTALLED);
    expect(bootstrap(["true"])).toEqual({ code: 0, out: "", err: "" });
    expect(npmRan()).toBe(false);
  });

  test.each([
    ["a package is missing", { ...INSTALLED.packages, "node_modules/always": undefined }],
    [
      "a version differs",
      { ...INSTALLED.packages, "node_modules/always": { version: "0.9.0", integrity: "sha512-a" } },
    ],
    [
      "the content differs",
      { ...INSTALLED.packages, "node_modules/always": { version: "1.0.0", integrity: "sha512-b" } },
    ],
    [
      "the build for this machine is missing",
      { ...INSTALLED.packages, "node_modules/for-this-machine": undefined },
    ],
  ])("npm installs again when %s", (_, packages) => {
    writeInstalled({ packages });
    expect(bootstrap(["true"]).code).toBe(0);
    expect(npmRan()).toBe(true);
  });

  test("an installation that stays incomplete is an error, and the command does not run", () => {
    const packages = { ...INSTALLED.packages, "node_modules/for-this-machine": undefined };
    const { code, out, err } = bootstrap(["echo", "ran"], { FAKE_INSTALLED: JSON.stringify({ packages }) });
    expect(err).toContain("npm finished without node_modules/for-this-machine");
    expect(out).toBe("");
    expect(code).toBe(1);
  });

  test.each([
    ["offline", "npm error code ENOTFOUND", "cannot be reached"],
    ["a refusing registry", "npm error code E403", "registry refused"],
    ["a full disk", "npm error code ENOSPC", "disk is full"],
    ["a folder without permission", "npm error code EACCES", "not writable"],
    ["a changed package", "npm error code EINTEGRITY", "not the one in package-lock.json"],
    ["a lockfile out of step", "npm error code EUSAGE", "do not agree"],
    ["anything else", "npm error code EWHATEVER", "exit code 1"],
  ])("%s stops with npm's words, the cause and the next step", (_, words, cause) => {
    const { code, out, err } = bootstrap(["echo", "ran"], { FAKE_ERROR: words });
    expect(err).toContain(words);
    expect(err).toContain(cause);
    expect(err).toContain("Next step: ");
    expect(out).toBe("");
    expect(code).toBe(1);
  });

  test("a damaged lockfile is named", () => {
    writeFileSync(join(project, "package-lock.json"), "{");
    const { code, err } = bootstrap(["true"]);
    expect(err).toContain("package-lock.json is missing or damaged");
    expect(code).toBe(1);
  });
});

describe("running", () => {
  beforeEach(() => writeInstalled(INSTALLED));

  test("the exit code of the command is the exit code", () => {
    expect(bootstrap(["sh", "-c", "exit 7"]).code).toBe(7);
  });

  test("a command that a signal ended exits as a shell would report it", () => {
    expect(bootstrap(["sh", "-c", "kill -TERM $$"]).code).toBe(128 + 15);
  });

  test("a command that does not exist is an error", () => {
    const { code, err } = bootstrap(["no-such-command"]);
    expect(err).toContain("cannot run no-such-command");
    expect(code).toBe(1);
  });
});
