import { fileURLToPath } from "node:url";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { beforeAll, describe, expect, test } from "vitest";
import { codesOf } from "../../../api/http/openapi-problems.ts";
import { openApiDocument } from "../../../api/http/openapi.ts";
import type { Examples } from "../../../api/http/examples.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { operations } from "../../../api/operations/list.ts";
import { errorCodes, type ErrorCode } from "../../../runtime/errors.ts";
import { packageVersion } from "../../../api/node/package-version.ts";
import { createWorld } from "../world.ts";
import { serve } from "./client.ts";
import { recordExamples } from "./example-story.ts";

interface Media {
  schema: object;
  example?: unknown;
}
interface Described {
  operationId: string;
  summary: string;
  parameters?: { name: string; in: string; required: boolean; schema: object; example?: unknown }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, { description: string; content: Record<string, Media> }>;
  security?: object[];
}
interface Document {
  paths: Record<string, Record<string, Described>>;
  components: { schemas: Record<string, object>; responses: Record<string, object> };
}

const place = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const text = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
let examples: Examples;
let document: Document;

beforeAll(async () => {
  examples = await recordExamples();
  document = openApiDocument(packageVersion(), examples) as unknown as Document;
});

const described = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
const resolved = (response: { $ref?: string; description?: string }): unknown =>
  response.$ref === undefined ? response : document.components.responses[response.$ref.split("/").at(-1)!];
const ajv = () => {
  const found = new Ajv2020({ strict: false, allErrors: true });
  formats.default(found);
  return found.addSchema({ $id: "doc", components: document.components });
};
const local = (schema: object): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')) as object;

describe("the OpenAPI document", () => {
  test("takes its examples from a run as it goes today", async () => {
    await expect(text(examples)).toMatchFileSnapshot(place("api/http/examples.json"));
  });

  test("docs/openapi.json is what the definitions say", async () => {
    await expect(text(document)).toMatchFileSnapshot(place("docs/openapi.json"));
  });

  test("is valid OpenAPI 3.1", async () => {
    const validator = new Validator();
    expect(await validator.validate({ ...structuredClone(document) })).toEqual({ valid: true });
    expect(validator.version).toBe("3.1");
    // The judge can say no.
    expect(
      await new Validator().validate({ ...structuredClone(document), paths: { "/x": { get: 1 } } }),
    ).toMatchObject({
      valid: false,
    });
  });

  test("describes every operation, and every code that it may answer with", () => {
    for (const operation of operations) {
      const found = described().find(({ operation: { operationId } }) => operationId === operation.name)!;
      expect(found.operation.summary).toBe(operation.summary);
      const shown = JSON.stringify(Object.values(found.operation.responses).map(resolved));
      for (const code of codesOf(operation)) expect(shown).toContain(`\`${code}\``);
      const hasKey = found.operation.parameters!.some(({ name }) => name === "Idempotency-Key");
      expect([operation.name, hasKey]).toEqual([operation.name, !operation.readOnly]);
    }
  });

  test("has an example of each call and its answer, recorded, that its own schemas accept", () => {
    const judge = ajv();
    expect(
      operations.map(({ name }) => name).filter((name) => examples[name]?.response === undefined),
    ).toEqual([]);
    let problems = 0;
    for (const { operation } of described()) {
      for (const { schema, example } of operation.parameters ?? [])
        if (example !== undefined)
          expect([operation.operationId, judge.validate(local(schema), example)]).toEqual([
            operation.operationId,
            true,
          ]);
      const media = [operation.requestBody, ...Object.values(operation.responses)].flatMap((part) =>
        Object.values(part?.content ?? {}),
      );
      for (const { schema, example } of media) {
        if (example === undefined) continue;
        const isGood = judge.validate(local(schema), example);
        expect([operation.operationId, isGood, judge.errors ?? null]).toEqual([
          operation.operationId,
          true,
          null,
        ]);
        if (
          typeof example === "object" &&
          example !== null &&
          "next_step" in example &&
          "instance" in example
        )
          problems += 1;
      }
    }
    expect(problems).toBeGreaterThan(3);
    // The judge can say no.
    expect(judge.validate({ $ref: "doc#/components/schemas/PostMessageResult" }, { thread_id: 1 })).toBe(
      false,
    );
  });

  test("names each problem that was recorded among the operation's codes", () => {
    for (const [name, { problem }] of Object.entries(examples)) {
      if (problem === undefined) continue;
      const operation = operations.find((each) => each.name === name)!;
      expect(codesOf(operation)).toContain(problem["code"] as ErrorCode);
      expect(problem["status"]).toBe(errorCodes[problem["code"] as ErrorCode].status);
    }
  });

  test("is served to everybody who may connect, and tells of the tokens it takes", async () => {
    const served = await serve(await createWorld());
    const response = await fetch(`${served.url}/v1/openapi.json`);
    expect(response.status).toBe(200);
    const body = (await response.json()) as Document;
    expect(Object.keys(body.paths)).toEqual(Object.keys(document.paths));
    expect(body).toMatchObject({ openapi: "3.1.0", security: [{ token: [] }] });
    await closeServer(served.server, 1_000);
  });
});
