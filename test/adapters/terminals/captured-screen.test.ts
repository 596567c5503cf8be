import fc from "fast-check";
import { expect, test } from "vitest";
import { parseCapturedScreen } from "../../../adapters/terminals/tmux/captured-screen.ts";

test("dim text is blank in the solid lines and stays in place", () => {
  const { lines, solidLines } = parseCapturedScreen("\x1b[1m›\x1b[0m \x1b[2mAsk anything\x1b[0m end\n");
  expect(lines).toEqual(["› Ask anything end"]);
  expect(solidLines).toEqual(["›              end"]);
});

test("dim carries over to the next line until it is reset", () => {
  expect(parseCapturedScreen("\x1b[2mone\ntwo\x1b[22m solid\n").solidLines).toEqual(["", "    solid"]);
});

test("a colour's arguments are not dim", () => {
  for (const style of ["38;5;2", "48;5;2", "38;2;2;2;2", "38:2::2:2:2", "1;38;5;2;4"]) {
    expect(parseCapturedScreen(`\x1b[${style}mtext`).solidLines).toEqual(["text"]);
  }
  expect(parseCapturedScreen("\x1b[38;5;8;2mtext").solidLines).toEqual([""]);
});

test("hyperlinks and line drawing leave only what is seen", () => {
  expect(parseCapturedScreen("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x0elqk\x0f jk").lines).toEqual([
    "link ┌─┐ jk",
  ]);
});

test("a plain screen is itself, line by line", () => {
  const line = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\x00-\x1f]/g, "").trimEnd());
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (rows) => {
      expect(parseCapturedScreen(`${rows.join("\n")}\n`).lines).toEqual(rows);
    }),
  );
});
