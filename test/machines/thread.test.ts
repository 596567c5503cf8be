import { describe, expect, test } from "vitest";
import { defaultThreadPolicy, type ThreadContext } from "../../machines/thread/events.ts";
import { threadMachine } from "../../machines/thread/machine.ts";
import type { Role } from "../../machines/roles.ts";
import type { Intent } from "../../runtime/kernel.ts";
import type { ActorEvent } from "../../runtime/store.ts";
import { deadEnds, explore, unreachedStates, untakenTransitions } from "../../runtime/model/explore.ts";
import { begin, walk, type Position, type Walked } from "../../runtime/model/model.ts";
import { command, modelPolicies, posted, roles, threadModel, type Command } from "./thread-model.ts";

type Status = "active" | "blocked" | "resolved" | "closed";

function statusOf({ value }: Position<ThreadContext>): Status {
  return (value as { status: Status }).status;
}

function play(events: readonly ActorEvent[], policy = defaultThreadPolicy): Walked<ThreadContext> {
  const model = threadModel(policy);
  return events.reduce((walked, event) => walk(model, walked.after, { type: "mail", event }), begin(model));
}

function records(intents: readonly Intent[], name: string): unknown[] {
  return intents.flatMap((intent) =>
    intent.type === "record" && intent.name === name ? [intent.params] : [],
  );
}

const wayTo: Record<Status, ActorEvent[]> = {
  active: [],
  blocked: [command("block.requested", "participant")],
  resolved: [command("resolve.requested", "participant")],
  closed: [command("close.requested", "operator")],
};

/** Who may ask for what, where; everything else is refused. */
const table: [from: Status, command: Command, to: Status, roles: Role[], reasonRequired: boolean][] = [
  ["active", "block.requested", "blocked", ["participant", "coordinator", "operator"], false],
  ["active", "resolve.requested", "resolved", ["participant", "coordinator", "operator"], false],
  ["active", "close.requested", "closed", ["coordinator", "operator"], false],
  ["blocked", "unblock.requested", "active", ["coordinator", "operator"], true],
  ["blocked", "resolve.requested", "resolved", ["coordinator", "operator"], true],
  ["blocked", "close.requested", "closed", ["coordinator", "operator"], true],
  ["resolved", "reopen.requested", "active", ["participant", "coordinator", "operator"], false],
  ["resolved", "close.requested", "closed", ["participant", "coordinator", "operator"], false],
  ["closed", "reopen.requested", "active", ["coordinator", "operator"], true],
];

describe("status", () => {
  const commands: Command[] = [
    "block.requested",
    "unblock.requested",
    "resolve.requested",
    "close.requested",
    "reopen.requested",
  ];
  const statuses: Status[] = ["active", "blocked", "resolved", "closed"];
  const asks = statuses.flatMap((from) =>
    commands.flatMap((type) =>
      roles.flatMap((role) => ["agreed", ""].map((reason) => ({ from, type, role, reason }))),
    ),
  );

  test.each(asks)(
    "$from, $type by a $role with reason '$reason': the table decides",
    ({ from, type, role, reason }) => {
      const row = table.find((entry) => entry[0] === from && entry[1] === type);
      const allowed = row !== undefined && row[3].includes(role) && (reason !== "" || !row[4]);
      const { after, step } = play([...wayTo[from], command(type, role, reason)]);
      expect(statusOf(after)).toBe(allowed ? row[2] : from);
      // The operation answers `transition_refused` when nothing was taken.
      expect(step.transitions.length > 0).toBe(allowed);
      expect(records(step.intents, "thread.statusChanged")).toEqual(
        allowed ? [{ threadId: "t", status: row[2], by: "ann", reason, at: after.now }] : [],
      );
    },
  );

  test("each change is published once, with the reason of a block", () => {
    const { step } = play([command("block.requested", "participant", "we disagree")]);
    expect(step.intents.filter(({ type }) => type === "publish")).toEqual([
      {
        type: "publish",
        topic: "thread/t",
        event: { type: "thread.reported", status: "blocked", reason: "operator" },
      },
    ]);
    expect(records(step.intents, "escalation.raised")).toMatchObject([
      { threadId: "t", agentId: null, reason: "operator", detail: "we disagree" },
    ]);
  });
});

describe("progress", () => {
  const { maxTurnsWithoutProgress, maxRepeatedFindings } = defaultThreadPolicy;
  const turns = (count: number, event: Parameters<typeof posted>[0] = {}) =>
    Array.from({ length: count }, () => posted(event));

  test("the twentieth turn without progress blocks the thread and escalates, the nineteenth does not", () => {
    const before = play(turns(maxTurnsWithoutProgress - 1, { contentFree: true }));
    expect(statusOf(before.after)).toBe("active");
    const { after, step } = play(turns(maxTurnsWithoutProgress, { contentFree: true }));
    expect(statusOf(after)).toBe("blocked");
    expect(after.context.blocked).toMatchObject({ reason: "loopNoProgress" });
    expect(records(step.intents, "escalation.raised")).toMatchObject([
      { threadId: "t", reason: "loopNoProgress", detail: "20 turns in a row brought nothing new" },
    ]);
    expect(records(step.intents, "thread.statusChanged")).toMatchObject([
      { status: "blocked", by: "thread/t", reason: "20 turns in a row brought nothing new" },
    ]);
  });

  test("the third identical finding in a row blocks the thread, whatever is said in between", () => {
    const finding = { finding: true, fingerprint: "same" };
    const answers = turns(maxRepeatedFindings, finding).flatMap((event, index) => [
      event,
      posted({ fingerprint: `fixed ${index}` }),
    ]);
    expect(statusOf(play(answers.slice(0, 4)).after)).toBe("active");
    const { after } = play(answers.slice(0, 5));
    expect(after.context.blocked).toMatchObject({ reason: "loopRepeatedFinding" });
  });

  test("another finding starts the row anew", () => {
    const row = ["x", "x", "y", "x", "x"].map((fingerprint) => posted({ finding: true, fingerprint }));
    expect(statusOf(play(row).after)).toBe("active");
  });

  test("two agents who repeat each other's sentences make no progress", () => {
    const pingPong = Array.from({ length: maxTurnsWithoutProgress + 2 }, (_, index) =>
      posted({ fingerprint: `sentence ${index % 2}` }),
    );
    expect(statusOf(play(pingPong).after)).toBe("blocked");
  });

  test("news, a person's word, unblocking and reopening start the count anew", () => {
    const nearly = turns(maxTurnsWithoutProgress - 1, { contentFree: true });
    const blocked = [...nearly, posted({ contentFree: true })];
    const ways: ActorEvent[][] = [
      [...nearly, posted({ fingerprint: "news" })],
      [...nearly, posted({ byPerson: true, contentFree: true })],
      [...blocked, command("unblock.requested", "operator")],
      [...blocked, command("close.requested", "operator"), command("reopen.requested", "operator")],
    ];
    for (const way of ways) {
      const { after } = play([...way, ...nearly]);
      expect(statusOf(after)).toBe("active");
      expect(after.context.turnsWithoutProgress).toBe(maxTurnsWithoutProgress - 1);
    }
  });

  test("what is remembered of the bodies stays bounded", () => {
    const talk = Array.from({ length: 100 }, (_, index) => posted({ fingerprint: `news ${index}` }));
    expect(play(talk).after.context.recentFingerprints).toHaveLength(32);
  });

  test("a loop does not reopen or block a thread that is resolved", () => {
    const { after, step } = play([
      command("resolve.requested", "participant"),
      ...turns(maxTurnsWithoutProgress, { contentFree: true }),
    ]);
    expect(statusOf(after)).toBe("resolved");
    expect(step.intents).toEqual([]);
  });
});

test("every state is reached, every transition taken, no state is a dead end, and duplicates change nothing", () => {
  const graphs = modelPolicies.map((policy) =>
    explore(threadModel(policy), { limit: 5_000, visit: checkInvariants }),
  );
  expect(untakenTransitions(threadMachine, graphs)).toEqual([]);
  expect(unreachedStates(threadMachine, graphs)).toEqual([]);
  expect(graphs.flatMap(deadEnds)).toEqual([]);
  expect(graphs.flatMap(({ doubled }) => doubled)).toEqual([]);
});

function checkInvariants({ after: { value, context } }: Walked<ThreadContext>): void {
  const { status, progress } = value as { status: Status; progress: string };
  expect(context.blocked !== null).toBe(status === "blocked");
  expect(status === "active" && progress === "looping").toBe(false);
}
