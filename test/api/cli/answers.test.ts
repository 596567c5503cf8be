import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { answers, type Answer } from "../../../api/cli/answers.ts";
import { commandNames } from "../../../api/cli/command-names.ts";
import { createProgram } from "../../../api/cli/program.ts";
import { processSurroundings } from "../../../api/cli/surroundings.ts";
import { getOperation } from "../../../api/operations/list.ts";
import { createStage, type Stage } from "./stage.ts";

function pathsOf(command: Command, above: readonly string[] = []): string[] {
  return command.commands.flatMap((child) => {
    const path = [...above, child.name()];
    return child.commands.length === 0 ? [path.join(" ")] : pathsOf(child, path);
  });
}
const paths = pathsOf(createProgram(processSurroundings()));

function schemaOf(answer: Answer): z.ZodType | null {
  if ("schema" in answer) return answer.schema;
  return "operation" in answer ? (getOperation(answer.operation)?.output ?? null) : null;
}

describe("the answers of commands", () => {
  test("are described for every command, and for nothing else", () => {
    expect(Object.keys(answers).toSorted()).toEqual(paths.toSorted());
  });

  test("come from operations that exist", () => {
    for (const [path, answer] of Object.entries(answers))
      if ("operation" in answer)
        expect([path, getOperation(answer.operation)?.name]).toEqual([path, answer.operation]);
  });

  test("are advised by commands that exist", () => {
    for (const command of Object.values(commandNames)) {
      const [first = ""] = command.split(/,| or | --/u);
      expect(paths).toContain(first.replace(/^rouse /u, ""));
    }
  });
});

const why = ["--reason", "because"];
const definition = `{"command": ["my-agent"], "cwd": "/srv"}`;
/** In an order in which each is possible. Those that start processes have tests of their own. */
const lines: readonly (readonly string[])[] = [
  ["thread", "create", "Review", "-p", "ann", "bob", "--id", "th-1"],
  ["thread", "post", "th-1", "Look.", "--to", "bob"],
  ["thread", "list"],
  ["thread", "show", "th-1"],
  ["thread", "read", "th-1"],
  ["thread", "summary", "th-1"],
  ["status"],
  ["top"],
  ["participant", "list"],
  ["participant", "show", "th-1", "bob"],
  ["participant", "add", "th-1", "eve"],
  ["participant", "trigger", "th-1", "bob"],
  ["participant", "block", "th-1", "ann", ...why],
  ["participant", "unblock", "th-1", "ann", ...why],
  ["participant", "override", "th-1", "bob", ...why],
  ["explain", "th-1", "bob"],
  ["agent", "register", "bob", "--definition", definition],
  ["agent", "list"],
  ["runtime", "register", "bob", "--id", "r-1"],
  ["runtime", "list"],
  ["runtime", "show", "r-1"],
  ["participant", "pause", "bob", ...why],
  ["participant", "resume", "bob", ...why],
  ["runtime", "pause", "r-1", ...why],
  ["runtime", "resume", "r-1", ...why],
  ["pause", ...why],
  ["resume", ...why],
  ["runtime", "reconcile", "r-1"],
  ["runtime", "stop", "r-1", ...why],
  ["thread", "block", "th-1", ...why],
  ["escalations"],
  ["thread", "unblock", "th-1", ...why],
  ["thread", "escalate", "th-1", ...why],
  ["thread", "unblock", "th-1", ...why],
  ["thread", "resolve", "th-1"],
  ["thread", "reopen", "th-1", ...why],
  ["thread", "close", "th-1", ...why],
  ["tokens", "issue", "--agent", "bob"],
  ["tokens", "list"],
  ["keys", "list"],
  ["wake", "list"],
  ["journal"],
  ["effects", "list"],
  ["dead-letters", "list"],
  ["actors", "quarantined"],
  ["nodes"],
  ["audit", "list"],
  ["audit", "head"],
];

describe("with --json", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await createStage();
  });
  afterAll(() => stage.close());

  test.each(lines)("%s %s prints what its schema says, and nothing besides", async (...args) => {
    const path = paths.find((one) => `${args.join(" ")} `.startsWith(`${one} `)) ?? "";
    const schema = schemaOf(answers[path] ?? { form: "" });
    const { code, out, err } = await stage.rouse([...args, "--json"]);
    await stage.world.settle();
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const printed = JSON.parse(out) as unknown;
    // What the schema does not know would be missing from what it lets pass.
    expect(schema?.parse(printed)).toEqual(printed);
  });
});
