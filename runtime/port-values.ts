import type { z } from "zod";
import { RouseError } from "./errors.ts";

interface Values {
  name: string;
  input: z.ZodType;
  output: z.ZodType;
}

/** Throws `port_value_invalid` that names the port and what is wrong. */
export function checkedInput(port: Values, value: unknown): unknown {
  return checked(port.input, value, {
    what: `${port.name} was asked with input that its schema refuses`,
    nextStep: `Let the chart's invoke give ${port.name} what its input schema says.`,
  });
}

/** Throws `port_value_invalid` that names the port and what is wrong. */
export function checkedOutput(port: Values, value: unknown): unknown {
  return checked(port.output, value, {
    what: `${port.name} answered with output that its schema refuses`,
    nextStep: `Let the implementation of ${port.name} return what its output schema says.`,
  });
}

function checked(schema: z.ZodType, value: unknown, { what, nextStep }: { what: string; nextStep: string }) {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
  const text = issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  throw new RouseError("port_value_invalid", `${what}: ${text}`, { nextStep, details: { issues } });
}
