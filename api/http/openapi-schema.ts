import { z } from "zod";

/** JSON Schema as OpenAPI 3.1 has it. */

export type Json = Record<string, unknown>;
export interface ObjectSchema extends Json {
  properties: Record<string, Json>;
  required: string[];
}

/** Open to more fields where answers are concerned: a later version may add some. */
export function toSchema(schema: z.ZodType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-2020-12",
    override: ({ jsonSchema }) => {
      // The format says it; the expression is long.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return rest;
}

/** Parts that a schema refers to by `#/$defs` stand beside it: inside a larger document that would point elsewhere. */
export function hoisted(found: Record<string, Json>): Json {
  const entries = Object.entries(found).flatMap(([name, { $defs = {}, ...schema }]) => {
    const parts = Object.entries($defs as Record<string, Json>);
    const renamed = (text: string): string =>
      text.replaceAll(/"#\/\$defs\/(\w+)"/g, (_, part: string) => `"#/components/schemas/${name}${part}"`);
    const moved = (value: Json): Json => JSON.parse(renamed(JSON.stringify(value))) as Json;
    return [
      [name, moved(schema)] as const,
      ...parts.map(([part, value]) => [`${name}${part}`, moved(value)] as const),
    ];
  });
  return Object.fromEntries(entries);
}
