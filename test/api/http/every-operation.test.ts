import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { z } from "zod";
import type { OperationName } from "../../../api/client/types.ts";
import { readExamples } from "../../../api/http/examples.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { codesOf } from "../../../api/http/openapi-problems.ts";
import { openApiDocument } from "../../../api/http/openapi.ts";
import { operations } from "../../../api/operations/list.ts";
import type { Operation } from "../../../api/operations/operation.ts";
import type { ErrorCode } from "../../../runtime/errors.ts";
import { createWorld, type World } from "../world.ts";
import type { RestAnswer, Served } from "./client.ts";
import { serve } from "./client.ts";
import {
  roleOf,
  sendCall,
  tell,
  tellOfTokens,
  type Answer,
  type Input,
  type Teller,
} from "./example-story.ts";

/** What holds for every operation alike, tried on each in the course of one story. */

let world: World;
let served: Served;
beforeEach(async () => {
  world = await createWorld();
  served = await serve(world);
});
afterEach(() => closeServer(served.server, 1_000));

const operationOf = (name: string): Operation => operations.find((each) => each.name === name)!;

interface Call {
  name: OperationName;
  token: string;
  input: Input;
}

/** Tells the story, and looks at each call that succeeded. */
class Examiner implements Teller {
  readonly #tokens = new Map<string, string>();
  readonly #examine: (call: Call) => Promise<RestAnswer>;
  readonly succeeded = new Set<string>();

  constructor(examine: (call: Call) => Promise<RestAnswer>) {
    this.#examine = examine;
  }

  give(as: string, token: string): void {
    this.#tokens.set(as, token);
  }

  async call(name: OperationName, as: string, input: Input = {}): Promise<Answer> {
    const token = this.#tokens.get(as) ?? (await served.token(as, roleOf(as)));
    this.#tokens.set(as, token);
    const answer = await this.#examine({ name, token, input });
    if (answer.status === 200) this.succeeded.add(name);
    else expect(codesOf(operationOf(name))).toContain(answer.body["code"] as ErrorCode);
    await world.settle();
    await world.clock.advance(1_000);
    return answer.body;
  }
}

describe("every operation", () => {
  test("that changes something does so once for one idempotency key, and refuses the key for anything else", async () => {
    let keys = 0;
    const replayed = new Set<string>();
    const differing = new Set<string>();
    const teller = new Examiner(async ({ name, token, input }) => {
      const operation = operationOf(name);
      keys += 1;
      const headers = { "idempotency-key": `key-${keys}` };
      const first = await sendCall(served, token, { name, input, headers });
      expect([name, first.headers.get("idempotency-replayed")]).toEqual([name, null]);
      if (operation.readOnly || first.status !== 200 || replayed.has(name)) return first;
      const again = await sendCall(served, token, { name, input, headers });
      const hidden = Object.fromEntries((operation.shownOnce ?? []).map((field) => [field, null]));
      expect([name, again.status, again.body]).toEqual([name, 200, { ...first.body, ...hidden }]);
      expect([name, again.headers.get("idempotency-replayed")]).toEqual([name, "true"]);
      replayed.add(name);
      const other = changed(operation, input);
      if (other === null) return first;
      const refused = await sendCall(served, token, { name, input: other, headers });
      expect([name, refused.status, refused.body["code"]]).toEqual([name, 409, "idempotency_conflict"]);
      differing.add(name);
      return first;
    });
    await tell(teller, world);
    await tellOfTokens(teller, world);
    const mutations = operations.filter(({ readOnly }) => !readOnly).map(({ name }) => name);
    expect(mutations.filter((name) => !replayed.has(name))).toEqual([]);
    // It takes nothing that could differ.
    expect(mutations.filter((name) => !differing.has(name))).toEqual(["refresh_token"]);
  }, 90_000);

  test("that lists in pages shows the same in small ones as in one, each thing once", async () => {
    const teller = new Examiner(({ name, token, input }) => sendCall(served, token, { name, input }));
    await tell(teller, world);
    await world.call("create_thread", { ...caller() }, { title: "Another", participants: ["reviewer-1"] });
    const operator = await served.token("operator", "operator");
    const paged = operations.filter(({ input }) => "cursor" in (input as z.ZodObject).shape);
    expect(paged.length).toBeGreaterThan(6);
    for (const { name } of paged) {
      const page = async (query: Input) =>
        (await sendCall(served, operator, { name: name as OperationName, input: query })).body;
      const whole = await page({ limit: 100 });
      if (itemsOf(whole) === null) continue;
      const found: unknown[] = [];
      let cursor: unknown;
      for (let more = true; more;) {
        const next: Answer = await page({ limit: 2, ...(cursor === undefined ? {} : { cursor }) });
        expect([name, (itemsOf(next) ?? []).length <= 2]).toEqual([name, true]);
        found.push(...(itemsOf(next) ?? []));
        cursor = next["next_cursor"];
        more = next["has_more"] === true;
      }
      expect([name, found]).toEqual([name, itemsOf(whole)]);
    }
  }, 90_000);

  test("refuses a field that it does not know, by its name", async () => {
    const operator = await served.token("operator", "operator");
    for (const { name } of operations) {
      const input = { ...readExamples()[name]?.request, surplus: "x" };
      const { status, body } = await sendCall(served, operator, { name: name as OperationName, input });
      expect([name, status, body["code"]]).toEqual([name, 400, "invalid_input"]);
      expect([name, String(body["message"]).includes("surplus")]).toEqual([name, true]);
    }
  });

  test("may answer with more one day: a client made from today's schemas still understands", () => {
    const document = openApiDocument("0") as { components: { schemas: object } };
    const judge = new Ajv2020({ strict: false });
    formats.default(judge);
    judge.addSchema({ $id: "doc", components: document.components });
    for (const { name, output } of operations) {
      const later = withMore(readExamples()[name]?.response);
      expect([name, output.safeParse(later).success]).toEqual([name, true]);
      const schema = `${name
        .split("_")
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join("")}Result`;
      const isValid = judge.validate({ $ref: `doc#/components/schemas/${schema}` }, later);
      expect([name, isValid, judge.errors ?? null]).toEqual([name, true, null]);
    }
  });

  test("says which version its answer has", () => {
    for (const { name } of operations)
      expect([name, readExamples()[name]?.response?.["schema_version"]]).toEqual([name, 1]);
  });
});

const caller = () =>
  ({ agentId: "dev-1", workspaceId: "w", role: "participant", sessionId: "s", jti: "j" }) as const;

/** The same call with one field that says something else; null when there is none. */
function changed(operation: Operation, input: Input): Input | null {
  const fields = Object.keys((operation.input as z.ZodObject).shape).filter(
    (name) => name !== "idempotency_key",
  );
  for (const name of fields) {
    const value = input[name];
    const other = {
      ...input,
      [name]: typeof value === "string" ? `${value}x` : typeof value === "number" ? value + 1 : "x",
    };
    if (operation.input.safeParse(other).success) return other;
  }
  return null;
}

/** The rows of a page; null when the answer holds none. */
function itemsOf(answer: Answer): unknown[] | null {
  return Object.values(answer).find((value) => Array.isArray(value)) ?? null;
}

/** With a field more in every object; counts by name are no fields. */
function withMore(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withMore);
  if (typeof value !== "object" || value === null) return value;
  const inside = Object.values(value);
  if (inside.length > 0 && inside.every((inner) => typeof inner === "number")) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, withMore(inner)] as const);
  return { ...Object.fromEntries(entries), added_later: { deep: [1] } };
}
