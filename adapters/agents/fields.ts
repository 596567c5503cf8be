/** Parts that the definitions of several kinds share. */
import { isAbsolute } from "node:path";
import { z } from "zod";

export const argument = z
  .string()
  .max(4096)
  .refine((text) => !text.includes("\0"), "must not contain NUL");

export const absoluteFolder = z.string().refine(isAbsolute, "must be an absolute folder");

const environmentName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "is no name of an environment variable")
  .refine((name) => !name.startsWith("ROUSE_"), "names that begin with ROUSE_ are ours");

export const environment = z.record(environmentName, argument);
