import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { operations } from "../../../api/operations/list.ts";

test("the client's routes are those of the operations", async () => {
  const lines = operations.map(({ name, http }) => `  ${name}: ["${http.method}", "${http.path}"],`);
  const text = [
    "/**",
    " * Where each operation is reached. Generated from api/operations/list.ts (npx vitest run test/api/client/routes.test.ts -u), so",
    " * that a client does not load the operations themselves: nearly half a second, and a browser could not.",
    " */",
    "export const routes = {",
    ...lines,
    "} as const satisfies Record<string, readonly [method: string, path: string]>;",
    "",
  ];
  const file = fileURLToPath(new URL("../../../api/client/routes.ts", import.meta.url));
  await expect(text.join("\n")).toMatchFileSnapshot(file);
});
