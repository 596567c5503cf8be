import { describe, expect, test } from "vitest";
import { claudeCodeScreens } from "../../../adapters/agents/claude-code/screens.ts";
import { codexScreens } from "../../../adapters/agents/codex/screens.ts";
import { type AgentPatterns, readScreen } from "../../../adapters/terminals/patterns.ts";
import { type PromptPatterns, readPrompt } from "../../../adapters/terminals/prompt-on-screen.ts";
import type { TerminalView } from "../../../runtime/terminal.ts";
import { recordingsOf, viewOf } from "../agents/recorded-screens.ts";

const patterns: PromptPatterns = {
  begin: "^───",
  end: "^ Esc to cancel",
  option: "^ (❯| ) ([1-9])\\. (.*)$",
  press: "key",
  clipped: "^ … more$",
};
const rule = "─".repeat(40);
const dialog = [rule, " $ npm test", "", " Proceed?", " ❯ 1. Yes", "   2. No", "", " Esc to cancel"];

function view(lines: readonly string[]): TerminalView {
  return {
    ...{
      alive: true,
      lines,
      solidLines: lines,
      cursor: { row: 0, column: 0 },
      title: "",
      foreground: "agent",
    },
    ...{ inCopyMode: false, viewers: 0, humanIdleMs: null },
  };
}

const read = (
  lines: readonly string[],
  changes: Partial<PromptPatterns> = {},
  kind = "permission" as const,
) => readPrompt(view(lines), kind, { ...patterns, ...changes });
const changed = (from: string, to: string) => dialog.map((line) => line.replace(from, to));

describe("a prompt on the screen", () => {
  test("is its text and its options", () => {
    expect(read(["● history", ...dialog])).toEqual({
      fingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      text: "───\n $ npm test\n\n Proceed?\n   1. Yes\n   2. No",
      options: [
        { option: "1", label: "Yes" },
        { option: "2", label: "No" },
      ],
      press: "key",
      marked: "1",
    });
  });

  test.each<[string, readonly string[]]>([
    ["another history above it", ["● something else", ...dialog]],
    ["another place of the choice", [...dialog.slice(0, 4), "   1. Yes", " ❯ 2. No", ...dialog.slice(6)]],
    ["another width", [rule.slice(10), ...dialog.slice(1)]],
    ["more empty lines", [rule, " $ npm test", "", "", ...dialog.slice(3)]],
  ])("has the same fingerprint with %s", (_, lines) => {
    expect(read(lines)?.fingerprint).toBe(read(dialog)?.fingerprint);
  });

  test.each<[string, readonly string[], Partial<PromptPatterns>]>([
    ["its command", changed("npm test", "npm  test; rm"), {}],
    ["an option", changed("2. No", "2. Never"), {}],
    ["how far its command is indented", changed(" $ npm", "   $ npm"), {}],
    ["the patterns that read it", dialog, { clipped: "^ more$" }],
  ])("has another fingerprint when %s changed", (_, lines, changes) => {
    expect(read(lines, changes)?.fingerprint).toMatch(/^[0-9a-f]{32}$/);
    expect(read(lines, changes)?.fingerprint).not.toBe(read(dialog)?.fingerprint);
  });

  test("of another kind has another fingerprint", () => {
    expect(readPrompt(view(dialog), "trust", patterns)?.fingerprint).not.toBe(read(dialog)?.fingerprint);
  });

  test.each<[string, readonly string[], Partial<PromptPatterns>]>([
    ["whose beginning is not on the screen", dialog.slice(1), {}],
    ["whose end is not on the screen", dialog.slice(0, -1), {}],
    ["that says that it is cut off", [...dialog.slice(0, 6), " … more", ...dialog.slice(6)], {}],
    ["whose options do not begin with 1", dialog.filter((line) => !line.includes("1.")), {}],
    ["whose options leave a number out", changed("2. No", "3. No"), {}],
    ["without options", dialog.slice(0, 4).concat(dialog.slice(7)), {}],
    [
      "of a whole book",
      [rule, ...Array.from({ length: 90 }, () => ` ${"x".repeat(99)}`), ...dialog.slice(1)],
      {},
    ],
    ["where the choice stands nowhere", changed("❯", " "), { option: "^ (❯| ) (\\S.*)$", press: "select" }],
  ])("%s is none that can be answered", (_, lines, changes) => {
    expect(read(lines, changes)).toBeNull();
  });

  test("options that a command quotes are text, and hide nothing", () => {
    const command = [rule, " $ echo", " ❯ 1. Yes", "   2. No", ` ${rule}`, " ❯ 1. Sure", ...dialog.slice(1)];
    const prompt = read(command);
    expect(prompt?.options.map(({ label }) => label)).toEqual(["Yes", "No"]);
    expect(prompt?.text).toContain("1. Sure");
    expect(read([...dialog, ...command])?.text).toContain("$ npm test");
  });

  test("what could act on a reader's terminal or mislead the eye is left out", () => {
    const text = read(changed("npm test", "a\u001b]52;c;eA==\u0007\u202eb\u200bc"))?.text ?? "";
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e\u200b]/u);
  });

  test("options without numbers are counted from the first beside the choice", () => {
    const lines = [rule, " Trust?", "", "   No, exit", " ❯ Yes", "", " Esc to cancel"];
    expect(read(lines, { option: "^ (❯| ) (\\S.*)$", press: "select" })).toMatchObject({
      options: [
        { option: "1", label: "No, exit" },
        { option: "2", label: "Yes" },
      ],
      marked: "2",
      press: "select",
    });
  });
});

const kinds: readonly [string, AgentPatterns][] = [
  ["codex", codexScreens],
  ["claude-code", claudeCodeScreens],
];

/** Recorded dialog → how many options it offers, and what its text must show. */
const expected: Readonly<Record<string, [number, string]>> = {
  "codex dialog-command": [3, "$ touch /opt/xy"],
  "codex dialog-hooks": [3, "Hooks can run outside the sandbox"],
  "codex dialog-mcp": [4, 'tool "read_messages"'],
  "codex dialog-rate-limits": [3, "Approaching rate limits"],
  "codex dialog-trust": [2, "/home/ann/project"],
  "claude-code auto-mode-default": [2, "Auto mode lets Claude"],
  "claude-code bypass-warning": [2, "potentially dangerous commands"],
  "claude-code mcp-server-found": [3, "foo"],
  "claude-code permission-bash": [4, "touch /tmp/demo/touched"],
  "claude-code permission-mcp": [3, 'thread: "t1"'],
  "claude-code permission-write": [3, "hello"],
  "claude-code trust": [2, "/tmp/demo"],
};

describe("recorded dialogs", () => {
  const found = kinds.flatMap(([kind, screens]) =>
    recordingsOf(kind).map((recorded) => {
      const { activity, prompt } = readScreen(viewOf(recorded), screens);
      return { name: `${kind} ${recorded.name}`, activity, prompt };
    }),
  );

  test("can be answered from afar when they are permissions, trust or an offer, and as a whole on the screen", () => {
    const answerable = found.filter(({ prompt }) => prompt !== undefined).map(({ name }) => name);
    expect(answerable.toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  test.each(Object.entries(expected))("%s shows what it asks and offers", (name, [options, text]) => {
    const prompt = found.find((each) => each.name === name)?.prompt;
    expect(prompt?.options).toHaveLength(options);
    expect(prompt?.text).toContain(text);
  });

  test("no two ask the same", () => {
    const fingerprints = found.flatMap(({ prompt }) => (prompt === undefined ? [] : [prompt.fingerprint]));
    expect(new Set(fingerprints).size).toBe(fingerprints.length);
  });
});
