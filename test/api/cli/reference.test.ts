import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../../api/cli/program.ts";
import { commandReference } from "../../../api/cli/reference.ts";
import { routes } from "../../../api/cli/routes.ts";
import { processSurroundings } from "../../../api/cli/surroundings.ts";
import { operations } from "../../../api/operations/list.ts";

test("docs/cli.md is what the commands say", async () => {
  const file = fileURLToPath(new URL("../../../docs/cli.md", import.meta.url));
  await expect(commandReference(createProgram(processSurroundings()))).toMatchFileSnapshot(file);
});

describe("the command line's routes", () => {
  test("are those of the operations", () => {
    const defined = operations.map(({ name, http }) => [name, [http.method, http.path]] as const);
    expect(routes).toEqual(Object.fromEntries(defined));
  });
});
