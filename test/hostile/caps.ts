import fc from "fast-check";
import { inputSchema } from "../../api/operations/json-schema.ts";
import type { Operation } from "../../api/operations/operation.ts";

/** A field at its cap and one step over it, by the published schema. */
export interface Cap {
  operation: Operation;
  field: string;
  within: unknown;
  over: unknown;
}

interface Schema {
  type?: string;
  pattern?: string;
  maxLength?: number;
  maximum?: number;
  maxItems?: number;
  items?: Schema;
}

/** Every field of the operation that has one. */
export function capsOf(operation: Operation): Cap[] {
  const { properties } = inputSchema(operation);
  return Object.entries(properties).flatMap(([field, schema]) => {
    const values = atAndOver(schema);
    return values === null ? [] : [{ operation, field, ...values }];
  });
}

function atAndOver({
  type,
  pattern,
  maxLength,
  maximum,
  maxItems,
  items,
}: Schema): Pick<Cap, "within" | "over"> | null {
  if (maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    return { within: maximum, over: maximum + 1 };
  if (type === "array" && maxItems !== undefined) {
    const of = (length: number): string[] =>
      Array.from({ length }, (_, index) => `${items?.type === "string" ? "a" : ""}${index}`);
    return { within: of(maxItems), over: of(maxItems + 1) };
  }
  if (type !== "string") return null;
  if (pattern !== undefined) return longestMatch(new RegExp(pattern), maxLength ?? 400);
  return maxLength === undefined ? null : { within: "x".repeat(maxLength), over: "x".repeat(maxLength + 1) };
}

/** Null where the pattern sets no end. */
function longestMatch(pattern: RegExp, most: number): Pick<Cap, "within" | "over"> | null {
  const [sample = ""] = fc.sample(fc.stringMatching(pattern), { numRuns: 1, seed: 1 });
  const last = sample.at(-1) ?? "a";
  let text = sample;
  while (text.length < most && pattern.test(text + last)) text += last;
  return text.length >= 400 ? null : { within: text, over: text + last };
}
