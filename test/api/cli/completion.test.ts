import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { completionScripts, completionTree } from "../../../api/cli/completion.ts";
import { createProgram } from "../../../api/cli/program.ts";
import { processSurroundings } from "../../../api/cli/surroundings.ts";

const tree = completionTree(createProgram(processSurroundings()));

/** What bash offers for the words typed so far, the last one being the one under the cursor. */
function offered(...words: string[]): string[] {
  const script = [
    completionScripts.bash(tree),
    `COMP_WORDS=(rouse ${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length}`,
    "_rouse",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ].join("\n");
  return execFileSync("bash", ["-c", script], { encoding: "utf8" }).split("\n").filter(Boolean);
}

describe("completion", () => {
  test("offers commands, then their subcommands, then options", () => {
    expect(offered("thr")).toEqual(["thread"]);
    expect(offered("thread", "re")).toEqual(["read", "resolve", "reopen", "resume"]);
    expect(offered("thread", "post", "th-1", "--k")).toEqual(["--kind"]);
    expect(offered("--json", "thread", "c")).toEqual(["create", "close"]);
    expect(offered("up", "--j")).toEqual(["--json"]);
  });

  test("knows every command in every shell", () => {
    const paths = [...tree.commands].flatMap(([name, { commands }]) =>
      commands.size === 0 ? [name] : [...commands.keys()].map((child) => `${name} ${child}`),
    );
    expect(paths.length).toBeGreaterThan(40);
    for (const script of Object.values(completionScripts)) {
      for (const path of paths) expect(script(tree)).toContain(`" ${path}"`);
    }
  });
});
