import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Migrations that would stop or break the nodes at work, one per rule that we rely on. */
const PLANTED = {
  "adding-required-field": "alter table rouse.actor add column weight integer not null;",
  "ban-drop-column": "alter table rouse.actor drop column subject;",
  "ban-drop-table": "drop table rouse.actor;",
  "changing-column-type": "alter table rouse.actor alter column version type text;",
  "renaming-column": "alter table rouse.actor rename column subject to about;",
  "renaming-table": "alter table rouse.actor rename to player;",
  "constraint-missing-not-valid": "alter table rouse.actor add constraint positive check (version > 0);",
  "syntax-error": "alter table rouse.actor add colum x bigint;",
};

let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rouse-sql-lint-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lint(name: string, text: string): string {
  const file = join(folder, `${name}.sql`);
  writeFileSync(file, `${text}\n`);
  const { stdout, status } = spawnSync(
    process.execPath,
    ["node_modules/squawk-cli/js/bin/squawk", "--config", ".squawk.toml", "--reporter", "json", file],
    { encoding: "utf8" },
  );
  return `${status === 0 ? "passed" : "failed"} ${stdout}`;
}

test.each(Object.entries(PLANTED))("a migration that breaks the rule %s does not pass", (rule, text) => {
  expect(lint(rule, text)).toMatch(new RegExp(`^failed .*"${rule}"`, "su"));
});

test("a migration that adds passes", () => {
  expect(lint("adding", "alter table rouse.actor add column weight bigint not null default 0;")).toMatch(
    /^passed/u,
  );
});
