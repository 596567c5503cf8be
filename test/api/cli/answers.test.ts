import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { answers, schemaOf } from "../../../api/cli/answers.ts";
import { commandNames } from "../../../api/cli/command-names.ts";
import { createProgram } from "../../../api/cli/program.ts";
import { processSurroundings } from "../../../api/cli/surroundings.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { answerLines, commandOf, gapsOf, processLines, runLine, shownElsewhere } from "./answer-lines.ts";
import { createStage, runProcess, type Stage } from "./stage.ts";

function pathsOf(command: Command, above: readonly string[] = []): string[] {
  return command.commands.flatMap((child) => {
    const path = [...above, child.name()];
    return child.commands.length === 0 ? [path.join(" ")] : pathsOf(child, path);
  });
}
const paths = pathsOf(createProgram(processSurroundings()));

describe("the answers of commands", () => {
  test("are described for every command, and for nothing else", () => {
    expect(Object.keys(answers).toSorted()).toEqual(paths.toSorted());
  });

  const entries = Object.keys(answers);
  const all = [...answerLines.map(({ text }) => text), ...processLines, ...Object.keys(shownElsewhere)];

  test("are all shown by a line that is run here, or by another test", () => {
    expect(gapsOf(paths, { entries, lines: all })).toEqual([]);
    for (const [command, file] of Object.entries(shownElsewhere))
      expect(readFileSync(file, "utf8")).toContain(`answers["${command}"]`);
  });

  test("of a new command are missed: its schema, its line, or both", () => {
    const more = [...paths, "plant", "plant tree"];
    const planted = (entry: string[], line: string[]) =>
      gapsOf(more, { entries: [...entries, ...entry], lines: [...all, ...line] });
    expect(planted(["plant"], ["plant --now"])).toEqual([
      "plant tree has no schema",
      "plant tree has no line",
    ]);
    expect(planted(["plant", "plant tree"], ["plant tree"])).toEqual(["plant has no line"]);
    expect(planted(["plant"], ["plant", "plant tree oak"])).toEqual(["plant tree has no schema"]);
  });

  test("are advised by commands that exist", () => {
    for (const command of Object.values(commandNames)) {
      const [first = ""] = command.split(/,| or | --/u);
      expect(paths).toContain(first.replace(/^rouse /u, ""));
    }
  });
});

/** What the schema does not know would be missing from what it lets pass. */
function expectShape(path: string, out: string): void {
  const answer = answers[path];
  if (answer === undefined) throw new Error(`${path} has no schema`);
  const schema = schemaOf(answer);
  const printed = "lines" in answer ? out.trimEnd().split("\n") : [out];
  for (const text of printed) {
    const value = JSON.parse(text) as unknown;
    expect(schema.parse(value)).toEqual(value);
  }
}

describe("with --json", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage();
  });
  afterAll(() => stage.close());

  test.each(answerLines)("$text prints what its schema says, and nothing besides", async (line) => {
    const { code, out, err } = await runLine(stage, line);
    await stage.world.settle();
    // The one line of people's text that goes beside the rows.
    expect({ code, err: err.replace(/^Exported \d+ rows\.\n$/, "") }).toEqual({ code: 0, err: "" });
    expectShape(commandOf(line.text, paths) ?? "", out);
  });
});

describe("with --json, on a real database", () => {
  let database: TestDatabase;
  let session: Database;
  let home: string;
  beforeAll(async () => {
    database = await createTestDatabase();
    session = connect({ url: database.url, max: 1 });
    home = await mkdtemp(join(tmpdir(), "rouse-answers-"));
  });
  afterAll(async () => {
    const environment = { ROUSE_HOME: home, DATABASE_URL: database.url };
    await runProcess(["down"], { environment });
    await session.close();
    await database.drop();
    await rm(home, { recursive: true });
  });

  test.each(processLines)("%s prints what its schema says, and nothing besides", async (text) => {
    const [row] = await session.sql`select pg_backend_pid() as pid`;
    const words = text.replace("$FILE", join(home, "backup.gz")).replace("$PID", String(row?.["pid"]));
    const environment = { ROUSE_HOME: home, DATABASE_URL: database.url };
    const { code, out, err } = await runProcess([...words.split(" "), "--json"], { environment });
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expectShape(commandOf(text, paths) ?? "", out);
  });
});
