import fc from "fast-check";
import { expect, test } from "vitest";
import { sanitizeForTerminal, sanitizeLine } from "../../../adapters/terminals/sanitize.ts";

const forbiddenRanges: readonly (readonly [number, number])[] = [
  [0x00, 0x08],
  [0x0b, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x61c, 0x61c],
  [0x180b, 0x180f],
  [0x200b, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xd800, 0xdfff],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0000, 0xe0fff],
];

function forbiddenIn(text: string): number[] {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0);
  return points.filter((point) => forbiddenRanges.some(([from, to]) => point >= from && point <= to));
}

const roomy = { maxBytes: 1_000_000 };

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc
    .array(
      fc.constantFrom(
        "\u001b[201~",
        "\u001b]52;c;eA==\u0007",
        "\u202e",
        "\u{e0041}",
        "\ud800",
        "\r\n",
        "a",
        "é",
        "\t",
      ),
    )
    .map((parts) => parts.join("")),
  // Any code units at all, lone surrogates included.
  fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units)),
);

test("no text leaves a control, bidi, invisible or half character", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const safe = sanitizeForTerminal(text, roomy);
      expect(forbiddenIn(safe)).toEqual([]);
      expect(safe.isWellFormed()).toBe(true);
    }),
  );
});

test("cleaning twice changes nothing more", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const once = sanitizeForTerminal(text, roomy);
      expect(sanitizeForTerminal(once, roomy)).toBe(once);
    }),
  );
});

test("the result never exceeds its bytes, is a beginning of the whole, and cuts no code point", () => {
  fc.assert(
    fc.property(anyText, fc.integer({ min: 0, max: 64 }), (text, maxBytes) => {
      const cut = sanitizeForTerminal(text, { maxBytes });
      const whole = sanitizeForTerminal(text, roomy);
      expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(maxBytes);
      expect(whole.startsWith(cut)).toBe(true);
      expect(cut.isWellFormed()).toBe(true);
      const next = String.fromCodePoint(whole.slice(cut.length).codePointAt(0) ?? 0);
      if (cut !== whole) expect(Buffer.byteLength(cut + next)).toBeGreaterThan(maxBytes);
    }),
  );
});

test("ordinary text of any script passes unchanged", () => {
  for (const text of [
    "plain ASCII ~!@#$%^&*()",
    "Grüße, 漢字, العربية, עברית, हिन्दी",
    "tabs\tand\nlines",
    "🚀 ✓ ─│",
  ]) {
    expect(sanitizeForTerminal(text, roomy)).toBe(text);
  }
});

test("the known attacks lose their teeth", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["a\u001b[201~b", "a[201~b"],
    ["\u001b]52;c;ZXZpbA==\u0007", "]52;c;ZXZpbA=="],
    ["\u009b31m", "31m"],
    ["user\u202egnp.exe", "usergnp.exe"],
    ["in\u200bvis\u2060ible", "invisible"],
    ["tag\u{e0073}\u{e0065}\u{e007f}", "tag"],
    ["v\ufe0e\u{e0100}", "v"],
    ["one\r\ntwo\rthree", "one\ntwo\nthree"],
  ];
  for (const [attack, harmless] of cases) expect(sanitizeForTerminal(attack, roomy)).toBe(harmless);
});

test("a line has no line break and no white space around it", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const line = sanitizeLine(text, { maxBytes: 500 });
      expect(line).not.toMatch(/[\n\t]|^\s/);
    }),
  );
  expect(sanitizeLine(" a \n\n b\tc ", { maxBytes: 100 })).toBe("a b c");
});
