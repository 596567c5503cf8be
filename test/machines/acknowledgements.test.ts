import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultThreadPolicy } from "../../machines/thread/events.ts";
import { fingerprint, isContentFree } from "../../machines/thread/progress.ts";
import { begin, walk } from "../../runtime/model/model.ts";
import { posted, threadModel } from "./thread-model.ts";

const agents = ["ann", "bob-2", "reviewer-1"];

const courtesy = fc.constantFrom(
  ...[
    "ok",
    "Okay",
    "thanks",
    "Thank you",
    "ack",
    "Acknowledged",
    "+1",
    "👍",
    "🙏✅",
    "Noted",
    "got it",
    "Sounds good",
  ],
);
const said = fc
  .record({
    from: fc.constantFrom(...agents),
    to: fc.constantFrom(...agents, ""),
    words: fc.array(courtesy, { minLength: 1, maxLength: 3 }),
    glue: fc.constantFrom(", ", "! ", " — ", "\n"),
    end: fc.constantFrom("", "!", ".", " :)"),
    at: fc.constantFrom("", "@"),
  })
  .map(({ from, to, words, glue, end, at }) => ({
    from,
    body: [...words, ...(to === "" ? [] : [`${at}${to.toUpperCase()}`])].join(glue) + end,
  }));

const real = fc.constantFrom(
  "The parser loops on an empty input.",
  "bob-2 has line 7 wrong",
  "merged into main",
);

/** The thread after these messages, as the operation that posts them tells it. */
function threadAfter(messages: readonly { from: string; body: string }[]) {
  const model = threadModel(defaultThreadPolicy);
  return messages.reduce(({ after }, { from, body }, index) => {
    const marks = { fingerprint: fingerprint(body), contentFree: isContentFree(body, agents) };
    return walk(model, after, { type: "mail", event: posted({ seq: index + 1, from, ...marks }) });
  }, begin(model)).after;
}

const most = defaultThreadPolicy.maxTurnsWithoutProgress;

test("three agents that only thank each other are stopped at the threshold, however they put it and whoever speaks", () => {
  fc.assert(
    fc.property(fc.array(said, { minLength: most, maxLength: most }), (messages) => {
      expect(threadAfter(messages.slice(1))).toMatchObject({ value: { status: "active" } });
      expect(threadAfter(messages)).toMatchObject({
        value: { status: "blocked" },
        context: { blocked: { reason: "loopNoProgress" } },
      });
    }),
    { numRuns: 50 },
  );
});

test("one of them that says something starts the count anew", () => {
  const few = fc.array(said, { minLength: 0, maxLength: most - 1 });
  fc.assert(
    fc.property(few, real, few, (before, body, after) => {
      const messages = [...before, { from: "ann", body }, ...after];
      expect(threadAfter(messages)).toMatchObject({ value: { status: "active" } });
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["bob-2", false],
  ["@bob-2!", false],
  ["thanks, bob-2", true],
  ["Thanks bob-2 and reviewer-1!", true],
  ["thanks bob-3", false],
  ["ok, ask bob-2", false],
  ["+1", true],
  ["+1 @bob-2", true],
  ["👍 bob-2", true],
  ["👎 bob-2", false],
  ["+1.", true],
  ["+1.5", false],
  ["+12", false],
  ["v+1", false],
])("%j moves nothing: %s", (text, isFree) => {
  expect(isContentFree(text, agents)).toBe(isFree);
});
