import { readFileSync } from "node:fs";
import { RouseError } from "../../runtime/errors.ts";

/** JSON, or with `@` in front the file that holds it. Throws `invalid_input`. */
export function readDefinition(given: string): unknown {
  const text = given.startsWith("@") ? readDefinitionFile(given.slice(1)) : given;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new RouseError("invalid_input", `the definition is not JSON: ${(cause as Error).message}`, {
      nextStep: `Quote it for the shell, for instance '{"command": ["my-agent"]}', or use @FILE.`,
      cause,
    });
  }
}

function readDefinitionFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new RouseError("invalid_input", `cannot read ${path}: ${(cause as Error).message}`, {
      nextStep: "Name a readable file after @.",
      cause,
    });
  }
}
