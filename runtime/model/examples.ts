import { z } from "zod";
import type { Position } from "./model.ts";

/** Sample values that a chart is walked with. What is left out is derived where it can be. */
export interface ModelExamples {
  inputs?: readonly object[];
  events?: readonly { readonly type: string }[];
  /** By port name. */
  outcomes?: Readonly<Record<string, { done?: readonly unknown[]; failed?: readonly string[] }>>;
  abstraction?: (position: Position<unknown>) => unknown;
}

/** Values that a schema accepts, one per alternative that it offers at its top; empty when none could be derived. */
export function examplesOf(schema: z.ZodType): unknown[] {
  let candidates: unknown[];
  try {
    candidates = valuesOf(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
  } catch {
    return [];
  }
  return candidates.filter((value) => schema.safeParse(value).success);
}

interface JsonSchema {
  type?: unknown;
  const?: unknown;
  enum?: unknown[];
  anyOf?: unknown[];
  oneOf?: unknown[];
  allOf?: unknown[];
  default?: unknown;
  properties?: Record<string, unknown>;
  items?: unknown;
  prefixItems?: unknown[];
  minItems?: number;
  minimum?: number;
  exclusiveMinimum?: number;
  minLength?: number;
  format?: string;
}

function valuesOf(given: unknown): unknown[] {
  const schema = given as JsonSchema;
  if ("const" in schema) return [schema.const];
  if (schema.enum !== undefined) return schema.enum;
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.flatMap(valuesOf);
  if (schema.allOf !== undefined) {
    return [Object.assign({}, ...schema.allOf.map((part) => valuesOf(part)[0])) as unknown];
  }
  if ("default" in schema) return [schema.default];
  return valuesOfType(schema);
}

function valuesOfType(schema: JsonSchema): unknown[] {
  switch (schema.type) {
    case "object": {
      const fields = Object.entries(schema.properties ?? {}).map(([name, of]) => [name, valuesOf(of)[0]]);
      return [Object.fromEntries(fields)];
    }
    case "array": {
      const first = (schema.prefixItems ?? []).map((item) => valuesOf(item)[0]);
      const rest = Array.from({ length: Math.max(0, (schema.minItems ?? 0) - first.length) }, () =>
        schema.items === undefined ? null : valuesOf(schema.items)[0],
      );
      return [[...first, ...rest]];
    }
    case "string":
      return [textOf(schema)];
    case "integer":
    case "number":
      return [numberOf(schema)];
    case "boolean":
      return [true, false];
    default:
      return [null];
  }
}

const formats: Readonly<Record<string, string>> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  email: "ann@example.org",
  uri: "https://example.org/",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function textOf({ format = "", minLength = 0 }: JsonSchema): string {
  return formats[format] ?? "example".padEnd(minLength, "e");
}

function numberOf({ minimum, exclusiveMinimum }: JsonSchema): number {
  return minimum !== undefined && minimum > 0
    ? minimum
    : exclusiveMinimum === undefined
      ? 1
      : Math.max(1, exclusiveMinimum + 1);
}
