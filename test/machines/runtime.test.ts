import { describe, expect, test } from "vitest";
import type { RuntimeFacts } from "../../machines/runtime/contract.ts";
import type { RuntimeContext, RuntimeInput } from "../../machines/runtime/events.ts";
import { runtimeMachine } from "../../machines/runtime/machine.ts";
import type { Role } from "../../machines/roles.ts";
import type { ActorEvent } from "../../runtime/store.ts";
import { deadEnds, explore, unreachedStates, untakenTransitions } from "../../runtime/model/explore.ts";
import {
  begin,
  beginning,
  failure,
  walk,
  type Model,
  type Move,
  type Walked,
} from "../../runtime/model/model.ts";
import {
  address,
  answering,
  asked,
  event,
  inputFor,
  modelInputs,
  observations,
  observed,
  plan,
  policy,
  prompt,
  prompted,
  runtimeModel,
} from "./runtime-model.ts";

function play(model: Model<RuntimeContext>, moves: readonly Move[]): Walked<RuntimeContext>[] {
  const walked = [begin(model)];
  for (const move of moves) walked.push(walk(model, walked.at(-1)!.after, move));
  return walked;
}

const by = (given: ActorEvent): Move => ({ type: "mail", event: given });
const launched: Move = { type: "done", invoke: "launchTerminal", output: { address, sessionId: "s1" } };
const exited: Move = {
  type: "done",
  invoke: "watchTerminal",
  output: { exitCode: 1, lastLine: "no configuration" },
};
const fails = (invoke: string, code: string): Move => ({ type: "failed", invoke, error: failure(code) });
const elapsed = (path: string): Move => ({ type: "timer", timer: `xstate.after.${path}` });
const relaunched = [by(event({ type: "launch.requested", plan })), launched];
const silent = elapsed("staleAfter.runtime.present.lifecycle.live.silence.heard");
const expired = elapsed("expireAfter.runtime.present.lifecycle.stale");

function reports({ step }: Walked<RuntimeContext>): RuntimeFacts[] {
  return step.intents.flatMap((intent) =>
    intent.type === "publish" ? [(intent.event as unknown as { runtime: RuntimeFacts }).runtime] : [],
  );
}

/** States reported along the way, in order. */
function told(moves: readonly Move[], input = inputFor("launch")): string[] {
  return play(runtimeModel(input), moves).flatMap((walked) => reports(walked).map(({ state }) => state));
}

function last(moves: readonly Move[], input = inputFor("launch")): Walked<RuntimeContext> {
  return play(runtimeModel(input), moves).at(-1)!;
}

describe("life of a launched runtime", () => {
  test("launches at once, lives, and is watched", () => {
    const { after, step } = last([launched]);
    expect(told([launched])).toEqual(["launching", "unknown"]);
    expect(after.context).toMatchObject({ address, sessionId: "s1", backend: "tmux" });
    expect(step.intents).toContainEqual(
      expect.objectContaining({
        type: "invoke",
        port: "watchTerminal",
        input: expect.objectContaining({ address }),
      }),
    );
  });

  test.each(observations)("tells its participants once that it is $activity $dialog", (observation) => {
    const moves = [
      launched,
      by(observed({ activity: "busy" })),
      by(observed(observation)),
      by(observed(observation)),
    ];
    const walked = play(runtimeModel(), moves);
    expect(reports(walked[4]!)).toEqual([]);
    expect(walked[4]!.after.context.reported).toMatchObject({
      state: observation.activity,
      dialog: observation.dialog ?? null,
      limitedUntil: observation.limitedUntil ?? null,
    });
  });

  test("a dialog of no known kind is unknown: nobody types into it", () => {
    expect(
      told([launched, by(observed({ activity: "idle" })), by(observed({ activity: "dialog" }))]).at(-1),
    ).toBe("unknown");
  });

  test("a new reset time of a usage limit is told anew", () => {
    const limits = [5, 9].map((limitedUntil) => by(observed({ activity: "limited", limitedUntil })));
    expect(reports(last([launched, ...limits]))).toMatchObject([{ state: "limited", limitedUntil: 9 }]);
  });

  test("a heartbeat brings the session id, also while the launch is still under way", () => {
    const heartbeat = by(event({ type: "heartbeat.received", sessionId: "s9" }));
    expect(last([heartbeat]).after.context).toMatchObject({ sessionId: "s9" });
    expect(reports(last([launched, heartbeat]))).toMatchObject([{ state: "unknown", sessionId: "s9" }]);
    expect(
      last([launched, heartbeat, by(event({ type: "heartbeat.received", sessionId: null }))]).after.context
        .sessionId,
    ).toBe("s9");
  });

  test.each([
    ["the program ends", exited, "the program ended with exit code 1: no configuration"],
    ["the terminal is missing", fails("watchTerminal", "terminal_missing"), "its terminal is gone"],
    [
      "the pane is another's now",
      fails("watchTerminal", "terminal_identity_mismatch"),
      "its terminal is gone",
    ],
  ])("is dead when %s", (_, end, detail) => {
    expect(reports(last([launched, end]))).toMatchObject([{ state: "dead", detail }]);
    expect(last([launched, end]).after.context.address).toBeNull();
  });

  test("a failed launch is a death that tells why", () => {
    expect(reports(last([fails("launchTerminal", "launch_failed")]))).toMatchObject([
      { state: "dead", detail: "could not be started: launch_failed in the model" },
    ]);
  });

  test("a launch that no host takes up ends in time", () => {
    const timeout = elapsed("launchTimeout.runtime.present.lifecycle.launching");
    expect(told([timeout])).toEqual(["launching", "dead"]);
  });
});

describe("silence", () => {
  test("makes it stale after two minutes, and each sign of life starts the wait anew", () => {
    const signs = [
      by(observed({ activity: "idle" })),
      by(event({ type: "heartbeat.received", sessionId: null })),
    ];
    for (const sign of signs) {
      const { step } = last([launched, sign]);
      expect(step.intents).toContainEqual(expect.objectContaining({ type: "cancelTimer" }));
      expect(step.intents).toContainEqual(
        expect.objectContaining({ type: "armTimer", delayMs: policy.staleAfterMs }),
      );
    }
    expect(told([launched, silent])).toEqual(["launching", "unknown", "stale"]);
  });

  test("a stale runtime is searched for, and what the search observes revives it", () => {
    const found = last([launched, silent]);
    expect(found.after.record.invokes).toHaveProperty("watchTerminal");
    expect(told([launched, silent, by(observed({ activity: "idle" }))]).slice(-2)).toEqual([
      "stale",
      "unknown",
    ]);
  });

  test("a watch that fails for a passing reason is repeated after a pause, and given up at the end", () => {
    const pause = elapsed("searchPause.runtime.present.lifecycle.stale.pausing");
    const fail = fails("watchTerminal", "terminal_failed");
    expect(told([launched, fail, pause, fail, pause, fail, expired])).toEqual([
      "launching",
      "unknown",
      "stale",
      "dead",
    ]);
  });

  test("expiry is no crash, and the terminal is looked for again when its host is back", () => {
    const { after } = last([launched, silent, expired]);
    expect(after.context).toMatchObject({ deaths: [], address });
    const back = by(event({ type: "reconciliation.requested" }));
    expect(told([launched, silent, expired, back, by(observed({ activity: "idle" }))]).slice(-3)).toEqual([
      "dead",
      "stale",
      "unknown",
    ]);
  });

  test("a dead one that nobody asks for leaves the books after a day", () => {
    const forgotten = elapsed("forgetAfter.runtime.present.lifecycle.dead");
    const { before, after } = last([launched, exited, forgotten]);
    expect(after.now - before!.now).toBe(86_400_000);
    expect(after.record.snapshot["status"]).toBe("done");
    expect(told([launched, exited, forgotten]).at(-1)).toBe("deregistered");
  });

  test("a lost host makes it stale at once, and reconciliation watches anew", () => {
    expect(reports(last([launched, by(event({ type: "host.lost" }))]))).toMatchObject([
      { state: "stale", detail: "its host is gone" },
    ]);
    const { step } = last([launched, by(event({ type: "reconciliation.requested" }))]);
    expect(step.intents.map(({ type }) => type)).toEqual(["stopInvoke", "invoke"]);
  });
});

describe("crash loop", () => {
  const twice = [launched, exited, ...relaunched, exited];

  test("the last death that is allowed within the window ends in crashLooping, and escalates", () => {
    expect(told(twice).slice(-1)).toEqual(["crashLooping"]);
    expect(last(twice).step.intents).toContainEqual(
      expect.objectContaining({
        type: "record",
        name: "escalation.raised",
        params: expect.objectContaining({ agentId: "a", reason: "crashLooping" }),
      }),
    );
  });

  test("only a forced launch or the end of the window leaves it", () => {
    const window = elapsed("crashLoopWindow.runtime.present.lifecycle.crashLooping");
    expect(last([...twice, by(event({ type: "launch.requested", plan }))]).step.transitions).toEqual([]);
    expect(told([...twice, by(event({ type: "launch.requested", plan, forced: true }))]).at(-1)).toBe(
      "launching",
    );
    expect(told([...twice, window, ...relaunched, exited]).at(-1)).toBe("dead");
  });

  test("deaths of the agent's earlier runtimes count", () => {
    const input = { ...inputFor("launch"), deaths: [beginning - 1_000] };
    expect(told([launched, exited], input).at(-1)).toBe("crashLooping");
    const longAgo = { ...inputFor("launch"), deaths: [beginning - policy.crashLoopWindowMs] };
    expect(told([launched, exited], longAgo).at(-1)).toBe("dead");
  });

  test("deaths further apart than the window do not add up", () => {
    const apart = [launched, exited, ...relaunched];
    const between = Array.from({ length: 8 }, () => [silent, by(observed({ activity: "idle" }))]).flat();
    expect(told([...apart, ...between, exited]).at(-1)).toBe("dead");
  });
});

describe("stop", () => {
  const stop = by(event({ type: "stop.requested", ...asked("operator") }));

  test("ends the program, then the books; it is announced once", () => {
    const end: Move = { type: "done", invoke: "stopTerminal", output: {} };
    expect(told([launched, stop, end]).filter((state) => state === "deregistered")).toHaveLength(1);
    expect(last([launched, stop, end]).after.record.snapshot["status"]).toBe("done");
  });

  test("waits for a launch under way, so that no terminal is left over", () => {
    const { after } = last([stop, launched]);
    expect(after.record.invokes).toHaveProperty("stopTerminal");
    expect([...new Set(told([stop, launched]))]).toEqual(["launching", "deregistered"]);
  });

  test("tells when the terminal could not be removed", () => {
    expect(reports(last([launched, stop, fails("stopTerminal", "terminal_failed")]))).toMatchObject([
      { state: "deregistered", detail: "its terminal could not be removed: terminal_failed in the model" },
    ]);
  });

  test("an agent may stop its own runtime, another participant may not", () => {
    const stopBy = (agent: string) => by(event({ type: "stop.requested", ...asked("participant", agent) }));
    expect(last([launched, stopBy("a")]).after.record.invokes).toHaveProperty("stopTerminal");
    expect(last([launched, stopBy("b")]).step.transitions).toEqual([]);
  });
});

describe("who may touch it", () => {
  const to = (management: RuntimeInput["management"], role: Role = "operator") =>
    by(event({ type: "management.changed", management, ...asked(role) }));

  test("pausing is told with the state unchanged, and needs authority", () => {
    const pause = (role: Role) => by(event({ type: "injection.paused", ...asked(role) }));
    expect(reports(last([launched, pause("operator")]))).toMatchObject([
      { state: "unknown", injection: "paused" },
    ]);
    expect(last([launched, pause("participant")]).step.transitions).toEqual([]);
  });

  test("a runtime that becomes unmanaged is watched no more, is unknown, and says so once", () => {
    const walked = last([launched, by(observed({ activity: "idle" })), to("unmanaged")]);
    expect(walked.after.record.invokes).toEqual({});
    expect(reports(walked)).toMatchObject([{ state: "unknown", management: "unmanaged" }]);
  });

  test("becoming managed again watches again", () => {
    const { after } = last([launched, to("unmanaged"), to("managed")]);
    expect(after.record.invokes).toHaveProperty("watchTerminal");
  });

  test("a program that attached itself has no terminal to manage", () => {
    expect(last([to("managed")], inputFor("attach", "unmanaged")).step.transitions).toEqual([]);
  });

  test("an unmanaged runtime lives by heartbeats alone", () => {
    const heartbeat = by(event({ type: "heartbeat.received", sessionId: "s" }));
    const moves = [by(observed({ activity: "idle" })), silent, heartbeat, silent, expired, heartbeat];
    expect(told(moves, inputFor("attach", "unmanaged"))).toEqual([
      "unknown",
      "stale",
      "unknown",
      "stale",
      "dead",
      "unknown",
    ]);
  });
});

test("every state is reached, every transition taken, no state is a dead end, and duplicates change nothing", () => {
  const graphs = modelInputs.map((input) =>
    explore(runtimeModel(input), { limit: 5_000, visit: checkInvariants }),
  );
  expect(untakenTransitions(runtimeMachine, graphs)).toEqual([]);
  expect(unreachedStates(runtimeMachine, graphs)).toEqual([]);
  expect(graphs.flatMap(deadEnds)).toEqual([]);
  expect(graphs.flatMap(({ doubled }) => doubled)).toEqual([]);
});

function checkInvariants(walked: Walked<RuntimeContext>): void {
  const { before, after, step } = walked;
  const { context, record } = after;
  // A stop that was accepted is never taken back.
  if (before?.context.reported?.state === "deregistered")
    expect(context.reported?.state).toBe("deregistered");
  // Unmanaged: no port of this chart, all of which touch terminals, runs or is asked for.
  if (context.management === "unmanaged") {
    expect(step.intents.filter(({ type }) => type === "invoke")).toEqual([]);
    expect(record.invokes).toEqual({});
  }
  // Only an answer is given while the terminal is watched.
  const invokes = Object.keys(record.invokes).filter((id) => id !== "answerPrompt");
  expect(invokes.length).toBeLessThanOrEqual(1);
  const told = reports(walked);
  expect(told).toHaveLength(new Set(told.map((facts) => JSON.stringify(facts))).size);
  expect(told.length).toBeLessThanOrEqual(1);
  if (told.length > 0) expect(told.at(-1)).toEqual(context.reported);
  const { management, injection, sessionId } = context;
  expect(context.reported).toMatchObject({ management, injection, sessionId });
}

describe("answering a dialog", () => {
  const waiting = [launched, by(observed(prompted))];
  const answered: Move = { type: "done", invoke: "answerPrompt", output: { verdict: "answered" } };
  const invokes = ({ step }: Walked<RuntimeContext>) =>
    step.intents.flatMap((intent) => (intent.type === "invoke" ? [intent.port] : []));

  test("an operator's answer to what is shown is given once, by the host", () => {
    const moves = [...waiting, by(answering())];
    const { after, step } = last(moves);
    expect(after.context.answer).toMatchObject({
      ...{ fingerprint: prompt.fingerprint, option: "1", label: "Yes", by: "ann", outcome: "pending" },
    });
    const asks = { host: "h", runtimeId: "rt-7", fingerprint: prompt.fingerprint, option: "1" };
    expect(step.intents).toContainEqual(
      expect.objectContaining({
        type: "invoke",
        port: "answerPrompt",
        input: expect.objectContaining({ ...asks, until: (after.context.answer?.at ?? 0) + 30_000 }),
      }),
    );
    expect(invokes(last([...moves, by(answering())]))).toEqual([]);
  });

  test.each<[string, ActorEvent, readonly Move[]]>([
    ["of a coordinator", answering({}, "coordinator"), waiting],
    ["to another text", answering({ fingerprint: "0".repeat(32) }), waiting],
    ["that is not offered", answering({ option: "3" }), waiting],
    ["to what is gone", answering(), [...waiting, by(observed({ activity: "busy" }))]],
    ["to a dialog that nobody could read", answering(), [launched, by(observed(observations[4]!))]],
    ["to a login", answering(), [launched, by(observed({ activity: "dialog", dialog: "login", prompt }))]],
    [
      "while injection is paused",
      answering(),
      [...waiting, by(event({ type: "injection.paused", ...asked("operator") }))],
    ],
    [
      "while it is unmanaged",
      answering(),
      [...waiting, by(event({ type: "management.changed", management: "unmanaged", ...asked("operator") }))],
    ],
  ])("an answer %s presses nothing", (_, given, moves) => {
    const walked = last([...moves, by(given)]);
    expect(invokes(walked)).toEqual([]);
    expect(walked.after.context.answer).toBeNull();
  });

  test.each<[string, Move, object]>([
    ["answered", answered, { outcome: "answered", refusal: null }],
    [
      "refused",
      {
        type: "done",
        invoke: "answerPrompt",
        output: { verdict: "refused", reason: "promptChanged" },
      },
      { outcome: "refused", refusal: "promptChanged" },
    ],
    ["uncertain", fails("answerPrompt", "effect_uncertain"), { outcome: "unconfirmed", refusal: null }],
    ["failed", fails("answerPrompt", "internal"), { outcome: "refused", refusal: "portFailed" }],
    [
      "not heard of",
      elapsed("answerBound.runtime.present.lifecycle.live.answer.answering"),
      { outcome: "unconfirmed", refusal: null },
    ],
    ["cut short", by(event({ type: "host.lost" })), { outcome: "unconfirmed", refusal: null }],
  ])("an answer that is %s is noted as that, and never given again by itself", (_, move, end) => {
    const { after, step } = last([...waiting, by(answering()), move]);
    expect(after.context.answer).toMatchObject({ ...end, settledAt: expect.any(Number) });
    expect(
      step.intents.filter((intent) => intent.type === "invoke" && intent.port === "answerPrompt"),
    ).toEqual([]);
  });

  test("after it the terminal is looked at anew: the same answer needs a dialog that was seen since", () => {
    const moves = [...waiting, by(answering()), answered];
    expect(invokes(last(moves))).toEqual(["watchTerminal"]);
    expect(last(moves).after.context.observation).toEqual({ activity: "unknown" });
    expect(invokes(last([...moves, by(answering())]))).toEqual([]);
    expect(invokes(last([...moves, by(observed(prompted)), by(answering())]))).toEqual(["answerPrompt"]);
  });

  test("its participants hear only of the dialog, not of what it asks", () => {
    const facts = play(runtimeModel(), waiting).flatMap(reports);
    expect(JSON.stringify(facts)).not.toContain(prompt.text.slice(0, 10));
    expect(facts.at(-1)).toMatchObject({ state: "dialog", dialog: "permission" });
  });
});
