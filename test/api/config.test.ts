import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { configSchema, loadConfig } from "../../api/config.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "rouse-config-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const load = (file: object | string, environment: NodeJS.ProcessEnv = {}) => {
  writeFileSync(join(home, "config.json"), typeof file === "string" ? file : JSON.stringify(file));
  return loadConfig({ ROUSE_HOME: home, ...environment });
};

describe("the configuration", () => {
  test("has a default for everything, and takes single figures of a policy", () => {
    const config = load({ wake: { quietWindowMs: 5_000 } });
    expect(config).toMatchObject({ home, port: 7717, wake: { quietWindowMs: 5_000, ackTimeoutMs: 8_000 } });
    expect(loadConfig({ ROUSE_HOME: join(home, "none") })).toMatchObject({ port: 7717 });
  });

  test("takes several database hosts, and only Postgres", () => {
    const databaseUrl = "postgres://user@one:5432,two:5432/rouse?target_session_attrs=read-write";
    expect(load({}, { DATABASE_URL: databaseUrl })).toMatchObject({ databaseUrl });
    expect(() => load({ databaseUrl: "mysql://one/rouse" })).toThrow("databaseUrl");
  });

  test("is overruled by the environment", () => {
    expect(load({ port: 1, host: "a" }, { ROUSE_PORT: "2" })).toMatchObject({ port: 2, host: "a" });
  });

  test.each([
    ["an unknown setting", { quietWindow: 5 }, "quietWindow"],
    ["a policy's unknown figure", { wake: { patienceMs: 5 } }, "patienceMs"],
    ["an impossible value", { wake: { retries: -1 } }, "wake.retries"],
    ["text in place of a number", { port: "many" }, "port"],
    ["a file that is no JSON", "{port: 1}", "not JSON"],
  ])("refuses %s by its name, with a next step", (_case, file, named) => {
    expect(() => load(file)).toThrow(
      expect.objectContaining({
        code: "invalid_input",
        message: expect.stringContaining(named) as string,
        nextStep: expect.stringContaining(home) as string,
      }) as Error,
    );
  });

  test("stands in the documentation, every setting and figure with its name", () => {
    const page = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
    const { wake, thread, runtime, http } = load({});
    const names = [wake, thread, runtime, http].flatMap((policy) => Object.keys(policy));
    const settings = Object.keys(configSchema.shape).filter((name) => name !== "home");
    for (const name of [...settings, ...names]) expect(page).toContain(`\`${name}\``);
  });
});
