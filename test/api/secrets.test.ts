import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../api/config.ts";
import { exposedSecrets, readSecret } from "../../api/secrets.ts";
import { createStage, type Stage } from "./cli/stage.ts";

const url = "postgres://rouse:canary@db/rouse";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-secret-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (text: string, mode = 0o600): string => {
  const path = join(folder, "secret");
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
};

describe("a secret setting", () => {
  test("is read from the file that its variable with _FILE names, without the line's end", () => {
    const config = loadConfig({ ROUSE_HOME: folder, DATABASE_URL_FILE: write(`${url}\n`) });
    expect(config.databaseUrl).toBe(url);
  });

  test.each<[string, (path: string) => NodeJS.ProcessEnv, RegExp]>([
    ["given twice", (path) => ({ DATABASE_URL: url, DATABASE_URL_FILE: path }), /both set/],
    ["in a file that is missing", (path) => ({ DATABASE_URL_FILE: `${path}.none` }), /does not exist/],
    ["in a file that cannot be read", () => ({ DATABASE_URL_FILE: folder }), /cannot be read/],
    ["in a file without a name", () => ({ DATABASE_URL_FILE: "" }), /DATABASE_URL_FILE is empty/],
    ["that is empty", () => ({ DATABASE_URL: " " }), /DATABASE_URL is empty/],
  ])("%s is refused by its name with a next step", (_case, environment, message) => {
    const read = () => readSecret(environment(write(url)), "DATABASE_URL");
    expect(read).toThrow(message);
    expect(read).toThrow(
      expect.objectContaining({
        code: "invalid_input",
        nextStep: expect.stringMatching(/unset/i) as string,
        message: expect.not.stringContaining("canary") as string,
      }) as Error,
    );
  });

  test("in a file that is empty, or too long for a secret, is refused", () => {
    const read = (text: string) => () => readSecret({ ROUSE_TOKEN_FILE: write(text) }, "ROUSE_TOKEN");
    expect(read("\n")).toThrow(/is empty/);
    expect(read("x".repeat(65_537))).toThrow(/too long/);
  });

  test("in a file that others can read is pointed out", () => {
    expect(exposedSecrets({ DATABASE_URL_FILE: write(url, 0o640) })).toEqual([
      expect.stringMatching(/DATABASE_URL_FILE.*other users.*chmod 600/),
    ]);
    expect(exposedSecrets({ DATABASE_URL_FILE: write(url) })).toEqual([]);
  });
});

describe("the command line", () => {
  let stage: Stage;
  beforeEach(async () => {
    stage = await createStage();
  });
  afterEach(() => stage.close());

  test("shows of a secret in a file only where it stands", async () => {
    const environment = { ROUSE_HOME: stage.home, DATABASE_URL_FILE: write(url, 0o644) };
    const { code, out, err } = await stage.rouse(["config"], { environment });
    expect(code).toBe(0);
    expect(out).toMatch(/databaseUrl +file .*\/secret/);
    expect(err).toMatch(/^Warning: .*DATABASE_URL_FILE/);
    const json = await stage.rouse(["config", "--json"], { environment });
    expect(`${out}${err}${json.out}`).not.toContain("canary");
    expect(JSON.parse(json.out)).toMatchObject({ databaseUrl: expect.stringMatching(/^file /) as string });
  });

  test("speaks as who is named by the file of ROUSE_TOKEN_FILE", async () => {
    const path = write(await stage.served.token("ann"));
    const { code, err } = await stage.rouse(["pause", "--reason", "x"], {
      environment: { ROUSE_HOME: stage.home, ROUSE_TOKEN_FILE: path },
    });
    expect([code, err]).toEqual([3, expect.stringContaining("role participant")]);
  });

  test.each([
    [["status"], { ROUSE_TOKEN: "" }, "ROUSE_TOKEN is empty"],
    [["status"], { ROUSE_TOKEN: "  " }, "ROUSE_TOKEN is empty"],
    [["mcp", "--agent", "ann"], { ROUSE_TOKEN: "" }, "ROUSE_TOKEN is empty"],
    [["mcp"], { ROUSE_TOKEN: "t", ROUSE_TOKEN_FILE: "/t" }, "ROUSE_TOKEN and ROUSE_TOKEN_FILE are both set"],
    [["--token", "", "status"], {}, "--token is empty"],
  ])("%j with %j does not speak as the operator", async (args, more, told) => {
    const { code, out, err } = await stage.rouse(args, {
      environment: { ROUSE_HOME: stage.home, ...more },
    });
    expect([code, out]).toEqual([2, ""]);
    expect(err).toContain(told);
    expect(err).toMatch(/unset|leave/i);
  });
});
