import { z } from "zod";
import type { Operation } from "./operation.ts";

/** JSON Schema of an object, as tools and routes publish it. */
export interface ObjectSchema {
  type: "object";
  properties: Record<string, object>;
  required?: string[];
  [keyword: string]: unknown;
}

export function inputSchema(operation: Operation): ObjectSchema {
  return toJsonSchema(operation.input);
}

/** Open to more fields: a later version may add some (A7). */
export function outputSchema(operation: Operation): ObjectSchema {
  return toJsonSchema(operation.output);
}

function toJsonSchema(schema: z.ZodType): ObjectSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    // Also for outputs: the output form would forbid further properties.
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      // The format says it; the expression is long, and models pay for it.
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
    },
  });
  return rest as ObjectSchema;
}
