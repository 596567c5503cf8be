import fc from "fast-check";
import { inputSchema } from "../../api/operations/json-schema.ts";
import type { Operation } from "../../api/operations/operation.ts";
import type { KnownValues } from "./seed.ts";

/** How an input was made; said with each counterexample. */
export type InputKind = "valid" | "near" | "wild";

export interface GeneratedInput {
  kind: InputKind;
  /** JSON text, so that also what no object can hold is sent: repeated names, huge numbers, `__proto__`. */
  json: string;
  /** The fields, where the text is an object: for the path and the query. */
  fields: Readonly<Record<string, unknown>>;
}

interface Schema {
  type?: string;
  enum?: readonly string[];
  pattern?: string;
  format?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: Schema;
  minItems?: number;
  maxItems?: number;
}

/** Waiting is no input's business here: a wait that is asked for is waited. */
const fixedFields: Readonly<Record<string, fc.Arbitrary<unknown>>> = { wait_s: fc.constant(0) };

/** Inputs of one operation, made from its published schema and from what exists in the tenant. */
export function inputsOf(operation: Operation, known: KnownValues): fc.Arbitrary<GeneratedInput> {
  const { properties, required = [] } = inputSchema(operation);
  const fields = Object.entries(properties).map(([name, schema]) => {
    const value = fixedFields[name] ?? fieldValue(name, schema, known);
    return [name, required.includes(name) ? value : fc.option(value, { nil: undefined, freq: 3 })] as const;
  });
  const valid = fc.record(Object.fromEntries(fields)).map(withoutMissing);
  const names = Object.keys(properties).filter((name) => !(name in fixedFields));
  return fc.oneof(
    { weight: 3, arbitrary: valid.map((value) => made("valid", value)) },
    { weight: 4, arbitrary: broken(valid, names) },
    { weight: 1, arbitrary: wildText().map((json) => ({ kind: "wild" as const, json, fields: {} })) },
  );
}

function made(kind: InputKind, fields: Record<string, unknown>): GeneratedInput {
  return { kind, json: JSON.stringify(fields), fields };
}

function withoutMissing(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined));
}

/** One field is left out, of a wrong shape, or one that nobody knows. */
function broken(valid: fc.Arbitrary<Record<string, unknown>>, names: string[]): fc.Arbitrary<GeneratedInput> {
  const strangers = [
    "author",
    "workspace_id",
    "role",
    "caller_id",
    "schema_version",
    "constructor",
    "toString",
    "x",
  ];
  const name = fc.constantFrom(...names, ...strangers);
  return fc.tuple(valid, name, fc.option(wildValue(), { nil: undefined })).map(([value, field, wild]) => {
    const { [field]: _dropped, ...rest } = value;
    return made("near", wild === undefined ? rest : { ...rest, [field]: wild });
  });
}

function fieldValue(name: string, schema: Schema, known: KnownValues): fc.Arbitrary<unknown> {
  const made = bySchema(schema);
  const real = known[name];
  if (name === "agent_id") return fc.oneof(fc.constantFrom("ann", "bob", "cora"), made);
  if (name === "definition") return fc.constantFrom({ command: ["true"] }, {}, { deep: { er: [1, null] } });
  return real === undefined
    ? made
    : fc.oneof({ weight: 3, arbitrary: fc.constant(real) }, { weight: 1, arbitrary: made });
}

function bySchema(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "integer": {
      const { minimum: min = 0, maximum: max = Number.MAX_SAFE_INTEGER } = schema;
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 1_000) }), fc.constantFrom(min, max));
    }
    case "boolean":
      return fc.boolean();
    case "array":
      return fc.array(bySchema(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 4 });
    case "string":
      return textBySchema(schema);
    default:
      return fc.constantFrom({}, { a: 1 });
  }
}

function textBySchema({ pattern, format, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> {
  if (format === "date-time")
    return fc.constantFrom("2026-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z");
  if (pattern !== undefined) {
    const expression = new RegExp(pattern);
    const matching = fc.stringMatching(expression);
    return fc.oneof(
      matching,
      matching.map((text) => longest(text, expression, maxLength)),
    );
  }
  const any = fc.string({ unit: "grapheme", minLength, maxLength: Math.min(maxLength, 64) });
  return fc.oneof(any, fc.constantFrom("x".repeat(maxLength), "\u202ex", "\u{e0041}", "'; drop table x; --"));
}

/** A pattern's longest and largest texts are where stores give up. */
function longest(text: string, pattern: RegExp, most: number): string {
  let long = pattern.test(text.replaceAll(/\d/g, "9")) ? text.replaceAll(/\d/g, "9") : text;
  const last = long.at(-1) ?? "a";
  while (long.length < Math.max(most, 300) && pattern.test(long + last)) long += last;
  return long;
}

const wildTexts = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "x\udc00",
  "\u202e",
  "../../etc/passwd",
  "%00",
  "th-1/../x",
  "$(id)",
  "`id`",
  "'",
  '"',
  "x".repeat(70_000),
  "9".repeat(19),
  "-1",
  "1e400",
  "NaN",
  "null",
  "true",
  "\x1b]52;c;eA==\x07",
  "{}",
  "__proto__",
  "🦉".repeat(300),
];
const wildNumbers = [0, -1, 1.5, -0, 2 ** 31, 2 ** 31 - 1, 2 ** 53, -(2 ** 53), 1e308, 5e-324, 4_294_967_296];

function wildValue(): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom<unknown>(...wildTexts, ...wildNumbers, null, true, false, [], {}, [[]], [null], {
      a: { b: [1] },
    }),
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.jsonValue({ maxDepth: 4 }),
    fc.constant(nested(20)),
    fc.constant(nested(200)),
  );
}

function nested(levels: number): unknown {
  return JSON.parse("[".repeat(levels) + "]".repeat(levels));
}

function wildText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.constantFrom(
      '{"__proto__":{"polluted":1}}',
      '{"constructor":{"prototype":{"polluted":1}}}',
      '{"thread_id":"a","thread_id":"b"}',
      '{"limit":1e999,"seq":-1e999}',
      `{"seq":${"9".repeat(400)}}`,
      '{"title":"\\u0000","body":"\\ud800"}',
      `{"definition":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`,
      "[".repeat(1_000),
      "{",
      "nul",
      "",
      "\ufeff{}",
      "'a'",
      "\0",
      "[]",
      "[{}]",
      "1",
      '"text"',
      "null",
      "true",
      JSON.stringify({ body: "x".repeat(500_000) }),
    ),
    fc.json({ maxDepth: 5 }),
  );
}
