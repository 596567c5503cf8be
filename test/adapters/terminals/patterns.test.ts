import { describe, expect, test } from "vitest";
import {
  agentPatterns,
  readScreen,
  type ScreenReading,
  settle,
} from "../../../adapters/terminals/patterns.ts";
import type { TerminalView } from "../../../runtime/terminal.ts";

const patterns = agentPatterns.parse({
  prompt: "^[›❯] (.*)$",
  boxEnd: "^─+$",
  busy: "esc to interrupt",
  dialogs: [{ kind: "permission", pattern: "^Do you want to proceed\\?" }],
  limited: "^You have hit your usage limit",
});

function view(lines: readonly string[], changes: Partial<TerminalView> = {}): TerminalView {
  return {
    ...{ alive: true, lines, solidLines: lines, cursor: { row: 0, column: 0 }, title: "" },
    ...{ inCopyMode: false, viewers: 0, humanIdleMs: null, foreground: "agent" },
    ...changes,
  };
}

describe("reading a screen", () => {
  test.each([
    ["an empty box", ["hello", "›", "───"], { activity: "idle", draft: "" }],
    ["a draft", ["› half typed", "───"], { activity: "idle", draft: "half typed" }],
    [
      "a draft over several lines",
      ["› half", "  typed", "───", "footer"],
      { activity: "idle", draft: "half\ntyped" },
    ],
    [
      "the lowest prompt wins over history",
      ["› old", "───", "answer", "› new", "───"],
      { activity: "idle", draft: "new" },
    ],
    ["a busy agent", ["• Working (3s • esc to interrupt)", "›", "───"], { activity: "busy", draft: "" }],
    [
      "a dialog",
      ["Do you want to proceed? ❯ 1. Yes"],
      { activity: "dialog", dialog: "permission", draft: null },
    ],
    [
      "a dialog while busy",
      ["esc to interrupt", "Do you want to proceed?"],
      { activity: "dialog", dialog: "permission" },
    ],
    [
      "a usage limit, which looks idle",
      ["You have hit your usage limit", "›", "───"],
      { activity: "limited", draft: "" },
    ],
    ["something unknown", ["Segmentation fault"], { activity: "unknown", draft: null }],
    ["nothing", [], { activity: "unknown", draft: null }],
  ])("%s", (_, lines, expected) => {
    expect(readScreen(view(lines), patterns)).toMatchObject(expected);
  });

  test("ghost text after the prompt is no draft", () => {
    const ghost = view(["› Ask anything", "───"], { solidLines: ["›", "───"] });
    expect(readScreen(ghost, patterns)).toMatchObject({ activity: "idle", draft: "" });
  });

  test("ghost text whose first letter the drawn cursor shows solid is no draft, a letter alone is one", () => {
    const cursor = { row: 0, column: 2 };
    const ghost = view(["› Ask anything", "───"], { solidLines: ["› A", "───"], cursor });
    expect(readScreen(ghost, patterns).draft).toBe("");
    expect(readScreen(view(["› A", "───"], { cursor }), patterns).draft).toBe("A");
    const completed = { ...ghost, cursor: { row: 0, column: 3 } };
    expect(readScreen(completed, patterns).draft).toBe("A");
  });

  test("a dialog that replaces the box is looked for below the box only", () => {
    const [dialog] = patterns.dialogs;
    if (dialog === undefined) throw new Error("no dialog");
    const replacing = { ...patterns, dialogs: [{ ...dialog, replacesBox: true }] };
    const box = ["› ", "───"];
    expect(readScreen(view(["Do you want to proceed?", ...box]), replacing).activity).toBe("idle");
    expect(readScreen(view([...box, "Do you want to proceed?"]), replacing).activity).toBe("dialog");
    expect(readScreen(view(["Do you want to proceed?"]), replacing).activity).toBe("dialog");
  });

  test("without an end of the box the draft reaches to the cursor's line", () => {
    const { boxEnd: _, ...open } = patterns;
    const screen = view(["› one", "  two", "footer"], { cursor: { row: 1, column: 5 } });
    expect(readScreen(screen, open).draft).toBe("one\ntwo");
  });

  test("a draft is seen whole where the end of the box is not on the screen", () => {
    const screen = view(["answer", "›", "  typed below an empty line"], { cursor: { row: 2, column: 5 } });
    expect(readScreen(screen, patterns).draft).toBe("typed below an empty line");
  });

  test("a dead program is unknown, whatever its last screen shows", () => {
    expect(readScreen(view(["›", "───"], { alive: false }), patterns).activity).toBe("unknown");
  });

  test("quoted history above the tail is not read as state", () => {
    const filler = Array.from({ length: 50 }, (_, index) => `line ${index}`);
    expect(readScreen(view(["Do you want to proceed?", ...filler, "›", "───"]), patterns).activity).toBe(
      "idle",
    );
  });

  test("a shell in front is a bare shell unless the patterns say otherwise", () => {
    expect(readScreen(view(["› "], { foreground: "bash" }), patterns).bareShell).toBe(true);
    expect(readScreen(view(["› "], { foreground: "bash" }), { ...patterns, shells: [] }).bareShell).toBe(
      false,
    );
  });
});

describe("patterns from users", () => {
  const parse = (changes: Record<string, unknown>) =>
    agentPatterns.safeParse({ prompt: "^› (.*)$", ...changes }).success;

  test("what could take more than linear time or is no expression is refused", () => {
    for (const source of ["(a)\\1", "(?=a)b", "(", "", "x".repeat(301)])
      expect(parse({ busy: source })).toBe(false);
    expect(parse({ busy: "(a+)+$" })).toBe(true);
    expect(parse({ colour: "red" })).toBe(false);
  });

  test("the classic killer runs in linear time", () => {
    const killer = agentPatterns.parse({ prompt: "^› (.*)$", busy: "^(a+)+$" });
    const before = performance.now();
    readScreen(view(Array.from({ length: 40 }, () => `${"a".repeat(900)}!`)), killer);
    // Backtracking would need 2^900 steps; the bound only has to tell that from a busy machine.
    expect(performance.now() - before).toBeLessThan(5_000);
  });
});

describe("settling", () => {
  const idle: ScreenReading = { activity: "idle", draft: "", bareShell: false };
  const busy: ScreenReading = { activity: "busy", draft: "", bareShell: false };

  test("one idle reading is not idle, two equal ones apart are", () => {
    const first = settle(null, idle, 1_000);
    expect(first.activity).toBe("unknown");
    const tooSoon = settle(first, idle, 1_299);
    expect(tooSoon.activity).toBe("unknown");
    expect(settle(tooSoon, idle, 1_300).activity).toBe("idle");
  });

  test("an idle flicker within busy stays busy", () => {
    const flicker = settle(settle(null, busy, 0), idle, 500);
    expect(flicker.activity).toBe("busy");
    expect(settle(flicker, busy, 600).activity).toBe("busy");
  });

  test("a changed draft starts the wait anew", () => {
    const first = settle(null, idle, 0);
    const typed = settle(first, { ...idle, draft: "x" }, 400);
    expect(typed).toMatchObject({ since: 400, activity: "unknown" });
  });

  test("busy and dialogs count at once", () => {
    const settled = settle(settle(null, idle, 0), idle, 400);
    expect(settle(settled, busy, 401).activity).toBe("busy");
    const dialog: ScreenReading = { activity: "dialog", dialog: "trust", draft: null, bareShell: false };
    expect(settle(settled, dialog, 401).activity).toBe("dialog");
  });
});
