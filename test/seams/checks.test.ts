import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findProblems, findUnrest } from "./checks.ts";
import type { History, PastEntry, Remains } from "./history.ts";
import { isAtRestart, seamNames, seams } from "./seams.ts";
import { failuresOf, figuresOf } from "./table.ts";
import { Tripwire } from "./tripwire.ts";

/** Every check can fail: a sound history passes, and each way to doctor it is found. */

const threadId = "t";
const post = { key: "k", input: { thread_id: threadId, body: "Do it." }, seq: 1 };

function entry(address: string, seq: number, rest: Partial<PastEntry> = {}): PastEntry {
  return { address, seq, at: seq, event: { type: "any" }, cause: null, dropped: null, ...rest };
}

function soundHistory(): History {
  const posted = { event: { type: "message.posted", seq: 1 } };
  const timer = { cause: { type: "timer", id: "coalescing", incarnation: 2 } };
  return {
    messages: [
      { threadId, seq: 1, author: "operator", body: "Do it.", inReplyTo: null },
      { threadId, seq: 2, author: "worker", body: "Done.", inReplyTo: 1 },
    ],
    versions: new Map([["participant/t.worker", 3]]),
    journal: [
      entry("participant/t.worker", 1),
      entry("participant/t.worker", 2, posted),
      entry("participant/t.worker", 3, timer),
    ],
    attempts: [
      {
        address: "participant/t.worker",
        incarnation: 3,
        port: "deliverWake",
        correlation: "w1",
        effectStatus: "done",
        attempt: 1,
        started: true,
        finished: true,
      },
    ],
    wakes: [{ wakeId: "w1", acknowledgedBy: "cursor", outcome: "read", reason: null }],
    auditedPosts: ["thread/t", "thread/t"],
    noted: [{ wakeId: "w1", threadId, agentId: "worker", sessionId: "s", run: 1, pointers: 1 }],
  };
}

function doctored(change: (history: History) => void): string[] {
  const history = soundHistory();
  change(history);
  return findProblems(history, threadId, [post]);
}

test("a sound history has no problem", () => {
  expect(doctored(() => {})).toEqual([]);
});

test.each<[string, RegExp, (history: History) => void]>([
  ["a gap in a thread", /^gap: t has 3 where 2 belongs/, ({ messages }) => void (messages[1]!.seq = 3)],
  ["a lost post", /#1 was acknowledged, found at no place/, ({ messages }) => void messages.shift()],
  [
    "a post at another place",
    /found at #2/,
    ({ messages }) => void messages.unshift({ ...messages[1]!, seq: 1 }, { ...messages.shift()!, seq: 2 }),
  ],
  ["a doubled post", /found at #1, #3/, ({ messages }) => void messages.push({ ...messages[0]!, seq: 3 })],
  ["a doubled answer", /#1 has 2 answers/, ({ messages }) => void messages.push({ ...messages[1]!, seq: 3 })],
  ["a post without audit", /^audit: 1 rows for 2 posts/, ({ auditedPosts }) => void auditedPosts.pop()],
  [
    "a post audited twice",
    /^audit: 3 rows for 2 posts/,
    ({ auditedPosts }) => void auditedPosts.push("thread/t"),
  ],
  [
    "a gap in a journal",
    /^gap: participant\/t.worker has 3 where 2/,
    ({ journal }) => void journal.splice(1, 1),
  ],
  [
    "an actor ahead of its journal",
    /is at 4, written to 3/,
    ({ versions }) => void versions.set("participant/t.worker", 4),
  ],
  ["a timer that fired twice", /applied twice: .* timer coalescing #2/, (history) => again(history, 2)],
  ["a message announced twice", /applied twice: .* message 1/, (history) => again(history, 1)],
  [
    "an open attempt of an ended effect",
    /ended, its attempt 1 did not/,
    ({ attempts }) => void (attempts[0]!.finished = false),
  ],
  [
    "a once-only effect begun twice",
    /was begun twice/,
    ({ attempts }) => void attempts.push({ ...attempts[0]!, attempt: 2 }),
  ],
  ["an open wake", /^wake: w1 ended as nothing/, ({ wakes }) => void (wakes[0]!.outcome = null)],
  [
    "a wake nobody acknowledged",
    /acknowledged by nobody/,
    ({ wakes }) => void (wakes[0]!.acknowledgedBy = null),
  ],
  [
    "a block without a reason",
    /^wake: w1 ended as blocked/,
    ({ wakes }) => void (wakes[0]!.outcome = "blocked"),
  ],
  ["a line given twice", /was given 2 times, brought 1 times/, ({ noted }) => void noted.push(noted[0]!)],
  ["a line of no wake", /w2 is no wake of ours/, ({ noted }) => void (noted[0]!.wakeId = "w2")],
  [
    "a line typed upon another",
    /2 lines were typed upon each other/,
    ({ noted }) => void (noted[0]!.pointers = 2),
  ],
])("%s is found", (_, expected, change) => {
  expect(doctored(change).join("\n")).toMatch(new RegExp(expected.source, "m"));
});

/** Appends the entry at `index` once more. */
function again({ journal, versions }: History, index: number): void {
  journal.push({ ...journal[index]!, seq: journal.length + 1 });
  versions.set("participant/t.worker", journal.length);
}

test("a dropped repetition is no problem", () => {
  const problems = doctored((history) => {
    again(history, 2);
    history.journal.at(-1)!.dropped = "staleTimer";
  });
  expect(problems).toEqual([]);
});

function atRest(): Remains {
  return {
    mail: 0,
    deadLetters: 0,
    quarantined: [],
    openWakes: [],
    pendingEffects: [],
    runningEffects: [{ address: "runtime/r1", port: "watchTerminal", expired: false }],
    overdueTimers: [],
    orphanTimers: [],
    openTransactions: [],
    livingRuntimes: ["r1"],
    panes: ["r1"],
    buffers: 0,
    programs: 1,
  };
}

test("at rest nothing is left but watched programs", () => {
  expect(findUnrest(atRest())).toEqual([]);
});

test.each<[string, Partial<Remains>]>([
  ["waiting mail", { mail: 1 }],
  ["a dead letter", { deadLetters: 1 }],
  ["a quarantined actor", { quarantined: ["thread/t"] }],
  ["an open wake", { openWakes: ["w1"] }],
  ["a pending effect", { pendingEffects: ["participant/t.worker"] }],
  ["a runtime without a watch", { runningEffects: [] }],
  [
    "an effect under way",
    {
      runningEffects: [
        ...atRest().runningEffects,
        { address: "runtime/r1", port: "launchTerminal", expired: false },
      ],
    },
  ],
  [
    "a lease that ran out",
    { runningEffects: [{ address: "runtime/r1", port: "watchTerminal", expired: true }] },
  ],
  ["an overdue timer", { overdueTimers: ["thread/t x"] }],
  ["a timer of an ended actor", { orphanTimers: ["runtime/r0 x"] }],
  ["an open transaction", { openTransactions: ["7 rouse idle in transaction select 1"] }],
  ["an orphan pane", { panes: ["r1", "r0"] }],
  ["an orphan program", { programs: 2 }],
  ["a buffer", { buffers: 1 }],
])("%s is found at rest", (_, change) => {
  expect(findUnrest({ ...atRest(), ...change })).toHaveLength(1);
});

test("a process dies at the n-th passing of its seam, counted since it was armed", () => {
  let deaths = 0;
  const wire = new Tripwire(() => (deaths += 1));
  wire.pass("turn.claimed");
  wire.arm({ seam: "turn.claimed", passing: 2 });
  wire.pass("turn.claimed");
  wire.pass("turn.decided");
  expect(deaths).toBe(0);
  wire.pass("turn.claimed");
  expect(deaths).toBe(1);
  expect(wire.passings).toEqual({ "turn.claimed": 2, "turn.decided": 1 });
});

test("a seam at which nothing ever died fails the suite, as does a round with a problem", () => {
  const seams = seamNames.slice(0, 2);
  const report = { round: 0, passing: 1, seed: 1, recoveryMs: [10], blocked: 0 };
  const reports = [
    { ...report, seam: seams[0]!, deaths: [seams[0]!], problems: ["gap: t"] },
    { ...report, seam: seams[1]!, deaths: [], problems: [] },
  ];
  const failures = failuresOf(figuresOf(seams, reports), reports);
  expect(failures).toHaveLength(2);
  expect(failures[0]).toContain(`${seams[1]}: no process ever died there`);
  expect(failures[1]).toContain("gap: t");
});

test("the table in docs/reliability.md names every seam, its moment and what is expected", () => {
  const page = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8").replaceAll(
    / +/g,
    " ",
  );
  const missing = seamNames.filter((name) => {
    return !page.includes(`| \`${name}\` | ${seams[name].moment} | ${seams[name].outcome} |`);
  });
  expect(missing).toEqual([]);
});

test("some seams are passed by a restart only", () => {
  expect(seamNames.filter(isAtRestart)).toEqual(["effects.recovering", "effects.recovered"]);
});
