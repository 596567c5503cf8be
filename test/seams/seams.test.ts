import { inject, expect, test } from "vitest";
import { testTerminal } from "../e2e/test-terminal.ts";
import { prepareDatabases } from "./databases.ts";
import { seamNames } from "./seams.ts";
import { runSuite } from "./suite.ts";
import { failuresOf, figuresOf } from "./table.ts";

test(
  "a node killed at each seam of its turns and effects loses nothing, doubles nothing and leaves nothing behind",
  { timeout: 600_000 },
  async () => {
    const databases = await prepareDatabases(inject("postgresUrl"));
    const { terminal } = testTerminal();
    const reports = await runSuite({
      databases,
      seams: seamNames,
      rounds: 1,
      seed: 1,
      secondDeaths: "paired",
      terminal,
    });
    await databases.drop();
    expect(failuresOf(figuresOf(seamNames, reports), reports)).toEqual([]);
    expect(reports.map(({ seam }) => seam).toSorted()).toEqual(seamNames.toSorted());
  },
);
