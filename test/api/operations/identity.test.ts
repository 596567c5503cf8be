import type { z } from "zod";
import { beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../../api/operations/list.ts";
import { identityClaims } from "../../../api/operations/validate.ts";
import { callerOf, createWorld, type World } from "../world.ts";

/** Who calls is read from the token alone: held against every operation, whatever else its payload says. */

const lies: Record<keyof typeof identityClaims, unknown> = {
  workspace_id: "elsewhere",
  author: "bob",
  caller_id: "bob",
  agent_id: "bob",
  sender: "bob",
  role: "root",
};

const cases = operations.flatMap((operation) => {
  const fields = (operation.input as z.ZodObject).shape;
  const claims = Object.keys(lies).filter((name) => !(name in fields)) as (keyof typeof identityClaims)[];
  return claims.map((claim) => [operation.name, claim] as const);
});

describe("identity", () => {
  let world: World;

  beforeAll(async () => {
    world = await createWorld();
  });

  const roleOf = (name: string) => {
    const role = operations.find((operation) => operation.name === name)?.roles.at(-1);
    if (role === undefined) throw new Error(`nobody may ${name}`);
    return role;
  };

  test("every operation refuses most of the names under which a payload may claim to be somebody else", () => {
    for (const { name } of operations) {
      expect([name, cases.filter(([each]) => each === name).length >= 4]).toEqual([name, true]);
    }
  });

  test.each(cases)("%s refuses a payload whose %s is not the token's, and audits it", async (name, claim) => {
    const caller = callerOf(world, "ann", roleOf(name));
    for (const lie of [lies[claim], null, ["ann"], { ann: true }, 7]) {
      await expect(world.call(name, caller, { [claim]: lie })).rejects.toMatchObject({
        code: "identity_mismatch",
        details: { field: claim },
      });
      expect((await world.audit())[0]).toMatchObject({
        ...{ actor: "ann", operation: name, outcome: "refused", code: "identity_mismatch" },
      });
    }
  });

  test.each(cases)(
    "%s takes a payload whose %s is the token's, and goes by the rest of it",
    async (name, claim) => {
      const caller = callerOf(world, "ann", roleOf(name));
      const honest = { [claim]: identityClaims[claim](caller), nonsense: true };
      await expect(world.call(name, caller, honest)).rejects.toMatchObject({ code: "invalid_input" });
    },
  );
});
