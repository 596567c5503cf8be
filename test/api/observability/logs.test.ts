import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createLogger } from "../../../api/node/logger.ts";
import { LogFile } from "../../../api/observability/log-file.ts";
import { createRedact, secretsOf } from "../../../api/observability/redaction.ts";
import { requestScope } from "../../../api/observability/request-scope.ts";
import { carrierFor } from "../../../api/observability/trace-carrier.ts";
import { traceScope } from "../../../api/observability/trace-scope.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-log-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("the log file", () => {
  const path = (): string => join(folder, "node.log");
  /** Oldest first. */
  const lines = (): string[] => {
    const ages = readdirSync(folder).toSorted(
      (a, b) => Number(b.split(".")[2] ?? 0) - Number(a.split(".")[2] ?? 0),
    );
    return ages.flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1));
  };

  test("loses no line and keeps their order, wherever it is put aside", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 120 }), { maxLength: 80 }),
        fc.integer({ min: 1, max: 300 }),
        (sizes, maxBytes) => {
          for (const name of readdirSync(folder)) rmSync(join(folder, name));
          const file = new LogFile({ path: path(), maxBytes, kept: 99 });
          const written = sizes.map((size, index) => `${index} ${"é".repeat(size)}`);
          for (const line of written) file.write(`${line}\n`);
          expect(lines()).toEqual(written);
        },
      ),
      { numRuns: 40 },
    );
  });

  test("stays below its size and keeps so many older ones", () => {
    const file = new LogFile({ path: path(), maxBytes: 100, kept: 2 });
    for (let index = 0; index < 50; index += 1) file.write(`${"x".repeat(30)}\n`);
    expect(readdirSync(folder).toSorted()).toEqual(["node.log", "node.log.1", "node.log.2"]);
    for (const name of readdirSync(folder))
      expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
  });

  test("goes on with what an earlier process left", () => {
    writeFileSync(path(), `${"y".repeat(96)}\n`);
    const file = new LogFile({ path: path(), maxBytes: 100, kept: 1 });
    file.write("after\n");
    expect(readFileSync(path(), "utf8")).toBe("after\n");
    expect(readFileSync(`${path()}.1`, "utf8")).toContain("yyy");
  });
});

describe("a log line", () => {
  const logged = (
    secrets: readonly string[],
    log: (logger: ReturnType<typeof createLogger>) => void,
  ): string => {
    let text = "";
    const destination = { write: (line: string) => void (text += line) };
    log(createLogger({ level: "debug", base: {}, redact: createRedact(secrets), destination }));
    return text;
  };

  test("carries the ids of the call and the trace that it was written for", () => {
    const scope = { requestId: "req-1", surface: "rest", traceparent: undefined, agentId: "ann" } as const;
    const carrier = carrierFor(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`, 1);
    const line = logged([], (logger) =>
      requestScope.run(scope, () => traceScope.run(carrier, () => logger.info("said"))),
    );
    expect(JSON.parse(line)).toMatchObject({ request_id: "req-1", agent: "ann", trace_id: "a".repeat(32) });
  });

  const canary = 'c4nary-Pa$$w0rd/"x';
  test.each<[string, object | Error]>([
    ["a field", { token: canary }],
    ["a nested field", { deep: { deeper: { text: `it was ${canary}` } } }],
    ["an error", new Error(`connection to ${canary} failed`)],
    ["an error's cause", new Error("no", { cause: new Error(canary) })],
    ["an address", new Error(`postgres://rouse:${encodeURIComponent(canary)}@db/rouse`)],
  ])("never shows a known secret in %s", (_where, value) => {
    const line = logged([canary], (logger) =>
      logger.error(value instanceof Error ? { err: value } : value, "failed"),
    );
    for (const spelled of [canary, encodeURIComponent(canary), JSON.stringify(canary).slice(1, -1)])
      expect(line).not.toContain(spelled);
    expect(line).toContain("***");
  });

  test.each([
    "eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJ4In0.c2lnbmF0dXJl",
    "postgres://rouse:unknown-secret@db:5432/rouse",
    "authorization: Bearer unknown-secret-token",
    '{"password":"unknown-secret"}',
    "api_key=unknown-secret&x=1",
  ])("never shows what looks like a secret: %s", (text) => {
    const line = logged([], (logger) => logger.info({ text }, text));
    expect(line).not.toMatch(/unknown-secret|c2lnbmF0dXJl/u);
  });

  test("shows everything else as it is", () => {
    const text = "password authentication failed for user rouse at postgres://db:5432/rouse";
    expect(createRedact(["abc"])(text)).toBe(text);
  });

  test("knows the secrets of the database's address and of the environment's names", () => {
    const secrets = secretsOf(["postgres://u:p%40ss@h/d", undefined], { API_TOKEN: "t0ken", PATH: "/bin" });
    expect(secrets).toEqual(["p%40ss", "p@ss", "t0ken"]);
  });
});
