import { expect, test } from "vitest";
import { resetIn, usedUpUntil } from "../../../adapters/agents/codex/usage-limit.ts";

/** As 0.169.0 says it. */
const said = (when: string) =>
  `You’ve hit your usage limit. Visit https://chatgpt.com/settings/usage to purchase more credits or try again ${when}.`;
const noon = new Date(2026, 10, 20, 12, 0).getTime();

test.each<[string, Date]>([
  ["at 6:27 PM", new Date(2026, 10, 20, 18, 28)],
  ["at 12:05 PM", new Date(2026, 10, 20, 12, 6)],
  ["at 12:05 AM", new Date(2026, 10, 21, 0, 6)],
  ["at 9:00 AM", new Date(2026, 10, 21, 9, 1)],
  ["at Nov 23rd, 2026 5:59 PM", new Date(2026, 10, 23, 18, 0)],
  ["at Dec 1st, 2026 11:59 PM", new Date(2026, 11, 2, 0, 0)],
])("a message that says `%s` means its minute's end", (when, expected) => {
  expect(resetIn(said(when), noon)).toBe(expected.getTime());
});

test.each(["later", "at noon", "at 6:27", ""])("a message that says `%s` tells no time", (when) => {
  expect(resetIn(said(when), noon)).toBeNull();
});

test("a message of no known day tells no time of day", () => {
  expect(resetIn(said("at 6:27 PM"), Number.NaN)).toBeNull();
});

test("the latest reset of what is used up counts", () => {
  const primary = { used_percent: 100, resets_at: 10 };
  expect(usedUpUntil({ primary, secondary: { used_percent: 20, resets_at: 99 } })).toBe(10_000);
  expect(usedUpUntil({ primary, secondary: { used_percent: 100, resets_at: 99 } })).toBe(99_000);
  expect(usedUpUntil({ primary: { used_percent: 100, resets_at: null }, secondary: null })).toBeNull();
  expect(usedUpUntil(null)).toBeNull();
});
