import { describe, expect, test } from "vitest";
import { readPage } from "./page.ts";
import { figuresOf, hasFailed, withDeliverySection, type DeliveryReport } from "./delivery/report.ts";
import type { Wake } from "./delivery/play.ts";
import { judge, type Round } from "./delivery/truth.ts";

const ackTimeoutMs = 30_000;
const line = (wake: number): string =>
  `[rouse th-1.ann.${wake}] 1 unread in thread th-1: call read_messages, then ack_read.`;

const round = (number: number, postedAt: number): Round => {
  return { number, interference: "none", postedAt, marker: `errand ${number} of` };
};

/** What the model was asked at `at`: the whole conversation, and its newest word. */
function asked(at: number, userTexts: readonly string[], read?: number) {
  const newest =
    read === undefined
      ? ({ role: "user", text: userTexts.at(-1) ?? "" } as const)
      : ({ role: "tool", text: `"body":"errand ${read} of the benchmark."` } as const);
  return { at, sessionId: "s", userTexts, newest };
}

describe("what became of a wake, by what the model was told", () => {
  test("told once and read is neither lost nor doubled, however often the conversation is sent", () => {
    const requests = [
      asked(110, [line(1)]),
      asked(120, [line(1)], 1),
      asked(210, [line(1), line(2)]),
      asked(220, [line(1), line(2)], 2),
    ];
    expect(judge([round(1, 100), round(2, 200)], requests, ackTimeoutMs)).toMatchObject([
      { lost: false, doubled: 0, rewoken: 0, toldAt: 110, wakeIds: ["th-1.ann.1"] },
      { lost: false, doubled: 0, rewoken: 0, toldAt: 210, wakeIds: ["th-1.ann.2"] },
    ]);
  });

  test.each([
    ["never told", []],
    ["told and never read", [asked(110, [line(1)])]],
  ])("%s is lost", (_, requests) => {
    expect(judge([round(1, 100)], requests, ackTimeoutMs)).toMatchObject([{ lost: true }]);
  });

  test.each<[string, ReturnType<typeof asked>[], object]>([
    [
      "before the ack timeout is doubled",
      [asked(110, [line(1)]), asked(5_000, [line(1), line(1)]), asked(5_010, [line(1), line(1)], 1)],
      { doubled: 1, rewoken: 0 },
    ],
    [
      "after its message was read is doubled, also long after, also under another id",
      [asked(110, [line(1)]), asked(120, [line(1)], 1), asked(60_000, [line(1), line(2)])],
      { doubled: 1, rewoken: 0 },
    ],
    [
      "twice in one request is doubled",
      [asked(110, [line(1) + line(1)]), asked(120, [line(1)], 1)],
      { doubled: 1, rewoken: 0 },
    ],
    [
      "after the ack timeout, while nothing is read, is what the policy promises",
      [asked(110, [line(1)]), asked(31_000, [line(1), line(1)]), asked(31_010, [line(1), line(1)], 1)],
      { doubled: 0, rewoken: 1 },
    ],
  ])("told again %s", (_, requests, expected) => {
    expect(judge([round(1, 100)], requests, ackTimeoutMs)).toMatchObject([expected]);
  });
});

const wake = (changes: Partial<Wake> = {}): Wake => ({
  ...{ ...round(1, 1_000), lost: false, doubled: 0, rewoken: 0, toldAt: 1_300, wakeIds: ["w"] },
  ...{ typedIntoDialog: false, draftDamaged: false, submittedAt: 1_200 },
  ...changes,
});

function reportOf(wakes: readonly Wake[]): DeliveryReport {
  const details = { command: "npm run bench -- delivery", date: "2026-11-20T12:00:00.000Z", duration_s: 9 };
  return {
    kinds: { codex: figuresOf(wakes) },
    details: { ...details, seed: "s", cores: 2, versions: { codex: "0.169.0" } },
  };
}

describe("the report of wakes", () => {
  test("times of undisturbed wakes stand apart from those of all; what has no time has none", () => {
    const figures = figuresOf([
      wake(),
      wake({ interference: "draft", submittedAt: 9_000, toldAt: 9_100 }),
      wake({ interference: "restart", submittedAt: null, toldAt: null, lost: true }),
    ]);
    expect(figures).toMatchObject({
      n: 3,
      lost: 1,
      interference: { none: 1, draft: 1, restart: 1, dialog: 0 },
    });
    expect(figures.submitted_ms).toEqual({ p50: 200, p95: 200, p99: 200 });
    expect(figures.all_model_request_ms).toEqual({ p50: 300, p95: 8_100, p99: 8_100 });
  });

  test.each<[string, Partial<Wake>, boolean]>([
    ["a lost wake", { lost: true }, true],
    ["a doubled wake", { doubled: 1 }, true],
    ["a dialog that was typed into", { typedIntoDialog: true }, true],
    ["a damaged draft", { draftDamaged: true }, true],
    ["a wake that was told again for good reason", { rewoken: 1 }, false],
  ])("%s fails or passes the run", (_, changes, fails) => {
    expect(hasFailed(reportOf([wake(), wake(changes)]))).toBe(fails);
  });

  test("its section of the page is replaced whole, and nothing else", () => {
    const once = withDeliverySection(readPage(), reportOf([wake()]));
    expect(once).toContain("| doubled | 0 |");
    expect(withDeliverySection(once, reportOf([wake()]))).toBe(once);
    expect(once.split("## API")[1]).toBe(readPage().split("## API")[1]);
  });
});
