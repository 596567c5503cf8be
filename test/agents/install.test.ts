import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { installAgent, InstallError } from "./install.ts";

const wanted = { name: "@maker/agent", version: "1.2.3", command: "agent" };
let cache: string;
beforeEach(() => void (cache = mkdtempSync(join(tmpdir(), "rouse-cache-"))));
afterEach(() => rmSync(cache, { recursive: true, force: true }));

/** As npm does it: a program below the folder that it was told. */
function npmThatInstalls(version: string) {
  const calls: string[] = [];
  const npm = async (args: readonly string[]): Promise<void> => {
    calls.push(args.join(" "));
    const program = join(args[args.indexOf("--prefix") + 1] ?? "", "node_modules/.bin/agent");
    mkdirSync(dirname(program), { recursive: true });
    writeFileSync(program, `#!/bin/sh\necho ${version}\n`);
    chmodSync(program, 0o755);
  };
  return { npm, calls };
}

test("a program is installed once, pinned, with the packages of its platform", async () => {
  const { npm, calls } = npmThatInstalls("1.2.3");
  const said: string[] = [];
  const options = { cache, npm, onProgress: (text: string) => said.push(text) };
  const program = await installAgent(wanted, options);
  expect(program).toBe(join(cache, "@maker/agent@1.2.3/node_modules/.bin/agent"));
  expect(await installAgent(wanted, options)).toBe(program);
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatch(/--ignore-scripts --include=optional .*@maker\/agent@1\.2\.3$/);
  expect(said).toHaveLength(2);
});

test("a registry that refuses is told with its own words, a code and a next step; nothing is left", async () => {
  const npm = () => Promise.reject(Object.assign(new Error("exit 1"), { stderr: "npm error code E404\n" }));
  const error = await installAgent(wanted, { cache, npm }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InstallError);
  expect(error).toMatchObject({ code: "registry_refused", message: expect.stringContaining("E404") });
  expect(error).toMatchObject({ nextStep: expect.stringContaining("npm view @maker/agent@1.2.3") });
  expect(readdirSync(cache)).toEqual(["@maker"]);
});

test("a program that answers with another version is not taken", async () => {
  const { npm } = npmThatInstalls("1.2.2");
  await expect(installAgent(wanted, { cache, npm })).rejects.toMatchObject({ code: "program_unusable" });
});
