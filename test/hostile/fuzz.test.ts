import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../api/operations/list.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { fuzzOperation, fuzzOperations } from "./fuzz.ts";
import { promisedMatrix } from "./matrix.ts";
import { plant, plantedBugs } from "./planted.ts";
import { seed } from "./seed.ts";
import { issueAll, openStage, type HostileStage } from "./stage.ts";

/** Many more by `npm run hostile`. */
const runs = 6;
const firstSeed = 20_261;

describe("generated calls", () => {
  let database: TestDatabase;
  let stage: HostileStage;
  beforeAll(async () => {
    database = await createTestDatabase();
    stage = await openStage(database.url);
    await issueAll(stage.a, stage.b);
  });
  afterAll(async () => {
    await stage.close();
    await database.drop();
  });

  const matrix = promisedMatrix();
  test("the documents promise who may what for every operation, and the definitions keep it", () => {
    const defined = new Map(operations.map(({ name, roles }) => [name, new Set(roles)]));
    expect(matrix).toEqual(defined);
  });

  test(
    "no operation fails, lets a role through that may not, or changes something when it refuses",
    { timeout: 120_000 },
    async () => {
      const wrong: string[] = [];
      for await (const report of fuzzOperations(stage, operations, { matrix, runs, seed: firstSeed })) {
        if (report.counterexample !== null) wrong.push(`${report.operation}: ${report.counterexample}`);
      }
      expect(wrong.join("\n\n")).toBe("");
    },
  );

  test.each(plantedBugs)("finds a planted bug: $name", { timeout: 60_000 }, async (bug) => {
    const operation = operations.find(({ name }) => name === bug.operation);
    if (operation === undefined) throw new Error(`there is no operation ${bug.operation}`);
    const known = await seed(stage.a, `p${plantedBugs.indexOf(bug)}`);
    const remove = plant(bug);
    try {
      const options = { known, matrix, runs: 300, seed: firstSeed };
      expect((await fuzzOperation(stage, operation, options)).counterexample).toMatch(bug.found);
    } finally {
      remove();
    }
  });
});
