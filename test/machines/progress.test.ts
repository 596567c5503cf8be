import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { contentFreePhrases } from "../../machines/thread/phrases.ts";
import { fingerprint, isContentFree, normalise } from "../../machines/thread/progress.ts";

describe("fingerprint", () => {
  test.each([
    ["case and spacing", "Null check missing", "  null   CHECK\nmissing "],
    ["line numbers", "missing null check at line 12", "missing null check at line 48"],
    ["positions in a file", "src/a.ts:12:5 unused variable", "src/a.ts:90:1 unused variable"],
    ["times and dates", "at 2026-01-02T03:04:05Z the build broke", "at 2026-02-03 10:11:12 the build broke"],
    ["durations", "timed out after 30s", "timed out after 45 s"],
    ["commit ids", "checked 9fceb02a, still failing", "checked 1a410efb, still failing"],
    ["request ids", "id 123e4567-e89b-12d3-a456-426614174000", "id 00000000-e89b-12d3-a456-426614174000"],
    ["invisible characters", "still failing", "still\u200b failing"],
    ["full-width letters", "ABC fails", "ＡＢＣ fails"],
  ])("is the same whatever the %s", (_, one, other) => {
    expect(fingerprint(one)).toBe(fingerprint(other));
  });

  test.each([
    ["issue numbers", "issue #12 is open", "issue #13 is open"],
    ["names with digits", "finding F3 stands", "finding F4 stands"],
    ["numbered tickets", "PR-12 fails", "PR-13 fails"],
    ["words that look hexadecimal", "the wall was defaced", "the wall was effaced"],
    ["other words", "missing null check in parse", "missing null check in print"],
  ])("differs by %s", (_, one, other) => {
    expect(fingerprint(one)).not.toBe(fingerprint(other));
  });

  test("is 16 hexadecimal digits for any text, and the same for texts that normalise alike", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom(" ", "\n", "\t\t"), (text, space) => {
        expect(fingerprint(text)).toMatch(/^[0-9a-f]{16}$/);
        expect(fingerprint(`${space}${text}${space}`)).toBe(fingerprint(text));
      }),
    );
  });

  test("tells ten thousand short texts apart", () => {
    const words = Array.from({ length: 10_000 }, (_, index) => `finding f${index.toString(36)} stands`);
    expect(new Set(words.map(fingerprint)).size).toBe(words.length);
  });

  test("reads long hostile digits and letters without backtracking", () => {
    const startedAt = performance.now();
    for (const unit of ["1", "a", "1.", "2026-01-", "f0", " ", "ok "]) {
      normalise(unit.repeat(200_000 / unit.length));
      isContentFree(unit.repeat(200_000 / unit.length));
    }
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});

describe("isContentFree", () => {
  test.each([
    "",
    "  \n ",
    "ok",
    "OK!",
    "Thanks.",
    "thanks, acknowledged, standing by",
    "👍",
    "👍🙏",
    "...",
    "Got it. I’m standing by!",
    "Vielen Dank, verstanden.",
    "好的，谢谢",
    "了解しました。",
    "Спасибо!",
  ])("is true for %j", (text) => {
    expect(isContentFree(text)).toBe(true);
  });

  test.each([
    "yes",
    "no",
    "done",
    "LGTM",
    "approved",
    "👎",
    "❌",
    "?",
    "12",
    "ok, but line 3 is wrong",
    "thanks, fixed in 9fceb02a",
    "ack: tests are red",
  ])("is false for %j", (text) => {
    expect(isContentFree(text)).toBe(false);
  });

  test("is true for any few phrases of the list in a row, however punctuated", () => {
    const phrase = fc.constantFrom(...contentFreePhrases);
    fc.assert(
      fc.property(
        fc.array(phrase, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(", ", "! ", " — "),
        (said, glue) => {
          expect(isContentFree(said.join(glue))).toBe(true);
        },
      ),
    );
  });

  test("is false as soon as one foreign word is said", () => {
    const phrase = fc.constantFrom(...contentFreePhrases);
    fc.assert(
      fc.property(fc.array(phrase, { maxLength: 3 }), fc.nat(3), (said, at) => {
        expect(isContentFree(said.toSpliced(at, 0, "segfault").join(", "))).toBe(false);
      }),
    );
  });
});

test("normalising twice changes nothing more", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(normalise(normalise(text))).toBe(normalise(text));
    }),
  );
});
