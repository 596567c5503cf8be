import { chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readSettingsFile, writeSettingsFile } from "../../../adapters/agents/settings/settings-file.ts";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rouse-settings-"));
  path = join(folder, "settings.json");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const refusal = (code: string) =>
  expect.objectContaining({ code, nextStep: expect.any(String) as string }) as Error;

describe("a file of settings", () => {
  test("that its program wrote since it was read is left as it is", async () => {
    await writeFile(path, "{}");
    const file = await readSettingsFile(path, []);
    await writeFile(path, '{"a": 1}');
    await expect(writeSettingsFile(file, '{"b": 1}')).rejects.toThrow(refusal("conflict"));
    await expect(writeSettingsFile(file, null)).rejects.toThrow(refusal("conflict"));
    expect(await readFile(path, "utf8")).toBe('{"a": 1}');
    expect(await readdir(folder)).toEqual(["settings.json"]);
  });

  test("that somebody made meanwhile is not overwritten", async () => {
    const file = await readSettingsFile(path, []);
    await writeFile(path, "theirs");
    await expect(writeSettingsFile(file, "ours")).rejects.toThrow(refusal("conflict"));
    expect(await readFile(path, "utf8")).toBe("theirs");
  });

  test("that cannot be replaced leaves no draft behind", async () => {
    const file = await readSettingsFile(path, []);
    await mkdir(path);
    await expect(writeSettingsFile(file, "ours")).rejects.toThrow(refusal("directory_not_writable"));
    expect(await readdir(folder)).toEqual(["settings.json"]);
    await expect(readSettingsFile(path, [])).rejects.toThrow("is no ordinary file");
  });

  test("is text of a bearable length", async () => {
    await writeFile(path, Buffer.from([0x7b, 0xff, 0x7d]));
    await expect(readSettingsFile(path, [])).rejects.toThrow("is not UTF-8");
    await writeFile(path, Buffer.alloc(16_777_217, 0x20));
    await expect(readSettingsFile(path, [])).rejects.toThrow("too long");
  });

  test.skipIf(process.getuid?.() !== 0)("belongs to whoever changes it", async () => {
    await writeFile(path, "{}");
    await chown(path, 65_534, 65_534);
    await expect(readSettingsFile(path, [])).rejects.toThrow(refusal("forbidden"));
  });
});
