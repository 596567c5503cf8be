import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { drills, titleOf } from "./drills.ts";
import { parseRunbook, readRunbook } from "./runbook.ts";
import { runDrill } from "./run.ts";

const drillOf = (title: string) => {
  const found = drills.find((drill) => titleOf(drill) === title);
  if (found === undefined) throw new Error(`no drill ${title}`);
  return found;
};

describe("the runbooks", () => {
  test("all have a drill, and every drill has its runbook with all sections", () => {
    const files = readdirSync(new URL("../../docs/runbooks/", import.meta.url));
    const names = files.filter((file) => file !== "README.md").map((file) => file.replace(/\.md$/u, ""));
    expect([...new Set(drills.map(({ name }) => name))].toSorted()).toEqual(names.toSorted());
    expect(new Set(drills.map(titleOf)).size).toBe(drills.length);
    for (const name of names) {
      const { look, cure, cured } = readRunbook(name);
      expect([name, look, cure, ...cured].every((code) => code !== "")).toBe(true);
    }
  });

  test("without the commands of a section are refused", () => {
    expect(() => parseRunbook("# X\n\n## Look\n\nNothing.\n")).toThrow('no code under "Look"');
  });
});

test("a spoilt operator token is cured by the runbook's own commands", { timeout: 240_000 }, async () => {
  const result = await runDrill(drillOf("token-issuer-down/token-spoilt"), () => {});
  expect(result).toMatchObject({ ok: true, failure: null });
});

test("a drill whose runbook shows nothing of the trouble fails", { timeout: 240_000 }, async () => {
  const drill = { ...drillOf("token-issuer-down/token-spoilt"), shows: /no such words/u };
  expect(await runDrill(drill, () => {})).toMatchObject({
    ok: false,
    failure: expect.stringContaining("does not show") as string,
  });
});
