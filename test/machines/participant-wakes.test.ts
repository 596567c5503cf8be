import { describe, expect, it } from "vitest";
import { defaultWakePolicy, type AgentFacts } from "../../machines/participant/contract.ts";
import type {
  ParticipantContext,
  ParticipantEvent,
  ParticipantInput,
} from "../../machines/participant/events.ts";
import type { EngineRecord } from "../../machines/records.ts";
import type { Intent } from "../../runtime/kernel.ts";
import { begin, beginning, failure, walk, type Move, type Walked } from "../../runtime/model/model.ts";
import { broken, standing } from "./participant-invariants.ts";
import * as world from "./participant-model.ts";

/** One participant with the real figures, told step by step. */
class Story {
  readonly #model;
  readonly #walked: Walked<ParticipantContext>[];

  constructor(agent: AgentFacts, more: Partial<ParticipantInput> = {}) {
    const input = world.input(agent, { policy: defaultWakePolicy, ...more });
    this.#model = world.modelOf({ name: "story", input, cases: () => ({}), abstraction: () => null });
    this.#walked = [begin(this.#model)];
  }

  get at() {
    return this.#walked.at(-1)!.after;
  }
  get state(): string {
    return standing(this.at);
  }
  get elapsedMs(): number {
    return this.at.now - beginning;
  }
  get intents(): Intent[] {
    return this.#walked.flatMap(({ step }) => step.intents);
  }
  get asked(): string[] {
    return this.intents.flatMap((intent) => (intent.type === "invoke" ? [intent.port] : []));
  }
  get records(): string[] {
    return this.intents.flatMap((intent) => {
      if (intent.type !== "record") return [];
      const { type, params } = { type: intent.name, params: intent.params } as EngineRecord;
      if (type === "wake.closed") return [`closed ${params.outcome}`];
      return [type === "escalation.raised" ? `escalated ${params.reason}` : type.replace("wake.", "")];
    });
  }

  #take(move: Move): this {
    const walked = walk(this.#model, this.at, move);
    expect(broken(walked)).toEqual([]);
    this.#walked.push(walked);
    return this;
  }
  mail(event: ParticipantEvent): this {
    return this.#take({ type: "mail", event: { ...event } });
  }
  post(): this {
    return this.mail(world.post(this.at));
  }
  reports(...facts: Parameters<typeof world.runtime>): this {
    return this.mail(world.reported(world.runtime(...facts)));
  }
  answers(output: unknown): this {
    return this.#take({ type: "done", invoke: Object.keys(this.at.record.invokes)[0]!, output });
  }
  fails(code: string): this {
    return this.#take({
      type: "failed",
      invoke: Object.keys(this.at.record.invokes)[0]!,
      error: failure(code),
    });
  }
  /** The attention region's own timer fires. */
  waits(): this {
    return this.#take({
      type: "timer",
      timer: Object.keys(this.at.due).find((id) => id.includes("attention"))!,
    });
  }
}

const evidence = { channel: "terminal", bytes: 40, firstByteAt: 1, submittedAt: 2, turnStartedAt: null };
const delivered = { verdict: "delivered", evidence };
const draft = { verdict: "deferred", reason: "draftPresent", retryAfterMs: null };
const refused = (reason: string) => ({ verdict: "refused", reason });

const command = <Type extends string>(type: Type) => ({ type, ...world.operator });

describe("a dormant agent with unread work", () => {
  it("is woken at once, and what follows in the burst joins that wake", () => {
    const story = new Story(world.liveAgent);
    for (let count = 0; count < 10; count += 1) story.post();
    expect(story.elapsedMs).toBe(0);
    story.post().answers(delivered).post();
    expect(story.asked).toEqual(["deliverWake"]);
    story.mail(world.readAll(story.at));
    expect(story.state).toBe("caughtUp");
    expect(story.records).toEqual(["opened", "acknowledged", "closed read"]);
  });

  it("that was woken a moment ago, or is not at its prompt, is woken once for ten posts after they are collected", () => {
    const again = new Story(world.liveAgent).post().answers(delivered);
    again.mail(world.readAll(again.at));
    const resting = new Story({ ...world.liveAgent, runtime: null, session: world.session });
    for (const story of [again, resting]) {
      for (let count = 0; count < 10; count += 1) story.post();
      expect(story.state).toBe("coalescing");
      story.waits();
      expect(story.elapsedMs).toBe(250);
    }
    expect(again.asked).toEqual(["deliverWake", "deliverWake"]);
    expect(resting.asked).toEqual(["resumeSession"]);
  });

  /** Read to the head, and still at work in the turn that the wake began; then a message comes. */
  const readAndStillAtWork = (): Story => {
    const story = new Story(world.liveAgent).post().answers(delivered).reports("busy");
    story.mail(world.readAll(story.at));
    expect(story.state).toBe("caughtUp");
    for (let count = 0; count < 3; count += 1) story.post();
    story.waits();
    return story;
  };

  it("that reads on within its turn gets no second line for what came after its first read", () => {
    const story = readAndStillAtWork();
    expect(story.state).toBe("deferred");
    story.mail(world.readAll(story.at)).reports("idle");
    expect(story.state).toBe("caughtUp");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("that ends its turn without reading on is woken for that once, whatever joins it", () => {
    const story = readAndStillAtWork().reports("idle").post().answers(delivered).post();
    story.mail(world.readAll(story.at));
    expect(story.state).toBe("caughtUp");
    expect(story.asked).toEqual(["deliverWake", "deliverWake"]);
  });

  it("whose terminal ends while it reads is brought back at once", () => {
    const story = new Story(world.fullAgent).post().answers(delivered).mail(world.heartbeat);
    expect(story.state).toBe("reading");
    expect(story.reports("dead").state).toBe("resuming");
  });

  it("counts a heartbeat only after delivery, and a heartbeat is not yet reading", () => {
    const story = new Story(world.liveAgent).post().mail(world.heartbeat);
    expect(story.state).toBe("triggering");
    story.answers(delivered).mail(world.heartbeat).mail(world.heartbeat);
    expect(story.state).toBe("reading");
    expect(story.records).toEqual(["opened", "acknowledged"]);
    story.waits();
    expect(story.state).toBe("triggering");
  });

  it("is typed to three times, then nobody is left to ask and people are told", () => {
    const story = new Story(world.liveAgent).post();
    for (let retry = 0; retry < 2; retry += 1) story.answers(delivered).waits().waits();
    story.answers(delivered).waits();
    expect(story.state).toBe("blocked");
    expect(story.asked).toHaveLength(3);
    expect(story.elapsedMs).toBe(3 * 8_000 + 1_000 + 2_000);
    expect(story.records).toEqual(["opened", "closed blocked", "escalated exhausted"]);
  });

  it("is given more time while its turn visibly runs", () => {
    const story = new Story(world.liveAgent).post().answers(delivered).reports("busy").waits().waits();
    expect(story.state).toBe("awaitingAck");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("whose lost mail is healed by reconciliation is woken without being taken for a reader", () => {
    const story = new Story(world.liveAgent);
    story.mail(world.truth(story.at, { headSeq: 6, lastReadSeq: 5, unread: 1 }));
    expect(story.state).toBe("triggering");
    story.answers(delivered);
    story.mail(world.truth(story.at)).mail(world.truth(story.at));
    expect(story.state).toBe("awaitingAck");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("whose terminal ends after the delivery is resumed at once, without waiting for the ack", () => {
    const story = new Story(world.fullAgent).post().answers(delivered).reports("dead");
    expect(story.asked).toEqual(["deliverWake", "resumeSession"]);
    expect(story.at.context.wake?.hops.at(-1)?.reason).toBe("runtimeDied");
  });

  it("is resumed twice and spawned once after its runtime died, each under its own runtime id", () => {
    const story = new Story({ ...world.fullAgent, runtime: world.runtime("dead") }).post().waits();
    story.fails("internal").answers(refused("launchFailed")).fails("internal");
    expect(story.asked).toEqual(["resumeSession", "resumeSession", "spawnSession"]);
    expect(story.state).toBe("blocked");
    const ids = story.intents.flatMap((intent) =>
      intent.type === "invoke" ? [(intent.input as { runtimeId: string }).runtimeId] : [],
    );
    expect(new Set(ids).size).toBe(3);
  });

  it("goes to the next channel as soon as the runtime it started dies", () => {
    const story = new Story({ ...world.fullAgent, runtime: world.runtime("dead") }).post().waits();
    const runtimeId = story.at.context.wake!.runtimeId!;
    story.answers({ verdict: "started", runtimeId });
    expect(story.state).toBe("awaitingStart");
    story.reports("dead", { runtimeId });
    expect(story.asked).toEqual(["resumeSession", "resumeSession"]);
  });

  it("is blocked as unmanaged when nobody told us how to reach it, until a managed runtime appears", () => {
    const story = new Story(world.noAgent).post().waits();
    expect(story.at.context.blocked?.reason).toBe("unmanaged");
    story.reports("idle");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("is given up on a silent host after a bound, without a second blind delivery", () => {
    const story = new Story(world.liveAgent).post().waits();
    expect(story.state).toBe("awaitingAck");
    expect(story.at.context.wake?.uncertain).toBe(true);
  });
});

describe("a person at the keyboard", () => {
  it("is never typed over: looked at each 5 s, and after 60 s the wake takes another way", () => {
    const story = new Story({ ...world.liveAgent, runtime: world.runtime("humanTyping") }).post().waits();
    for (let look = 0; look < 12; look += 1) {
      expect(story.state).toBe("deferred");
      story.waits();
    }
    expect(story.elapsedMs).toBe(250 + 60_000);
    expect(story.at.context.blocked?.reason).toBe("humanPresent");
    expect(story.asked).toEqual([]);
    story.reports("idle");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("who left a draft counts as a person, and a spawn is the other way", () => {
    const story = new Story(world.fullAgent).post();
    for (let look = 0; look < 12; look += 1) story.answers(draft).waits();
    story.answers(draft);
    expect(story.state).toBe("spawning");
    expect(story.asked).not.toContain("resumeSession");
    expect(story.at.context.wake?.hops.map(({ reason }) => reason)).toEqual([
      "draftPresent",
      "deferredTooLong",
    ]);
  });

  it("is told apart from an agent at work, beside which no second one is started", () => {
    const story = new Story(world.fullAgent).post();
    const busy = { verdict: "deferred", reason: "agentBusy", retryAfterMs: 60_000 };
    for (let look = 0; look < 10; look += 1) story.answers(busy).waits();
    story.answers(busy);
    expect(story.at.context.blocked?.reason).toBe("agentBusy");
    expect(story.asked).not.toContain("spawnSession");
  });

  it("is passed by an operator's override, with the delivery marked as forced", () => {
    const story = new Story({ ...world.liveAgent, runtime: world.runtime("humanTyping") }).post().waits();
    story.mail({ ...command("override.forced"), role: "participant" });
    expect(story.state).toBe("deferred");
    story.mail(command("override.forced"));
    const asked = story.intents.find(({ type }) => type === "invoke");
    expect(asked).toMatchObject({ input: { force: true } });
  });
});

describe("an uncertain delivery", () => {
  it("waits for the ack and is not repeated while the terminal is anything but idle", () => {
    const story = new Story(world.liveAgent).post().fails("effect_uncertain");
    story.reports("humanTyping").waits().waits();
    expect(story.state).toBe("deferred");
    expect(story.asked).toEqual(["deliverWake"]);
  });

  it("may be followed by another when the terminal is idle, because the port looks for a draft first", () => {
    const story = new Story(world.liveAgent).post().fails("effect_uncertain").waits().waits();
    expect(story.asked).toEqual(["deliverWake", "deliverWake"]);
  });
});

describe("pause and commands", () => {
  const paused = (scope: "agent" | "workspace") => ({ ...command("injection.paused"), scope });
  const resumed = (scope: "agent" | "workspace") => ({ ...command("injection.resumed"), scope });

  it("hold a wake while either switch is on, cutting a delivery short", () => {
    const story = new Story(world.liveAgent).post().mail(paused("agent")).mail(paused("workspace"));
    expect(story.state).toBe("held");
    expect(story.at.record.invokes).toEqual({});
    story.mail(resumed("workspace"));
    expect(story.state).toBe("held");
    story.mail(resumed("agent"));
    expect(story.state).toBe("triggering");
  });

  it("let a trigger wake an agent that has read everything, and a heartbeat fulfils it", () => {
    const story = new Story(world.liveAgent).mail(command("trigger.requested")).answers(delivered);
    story.mail(world.heartbeat);
    expect(story.state).toBe("caughtUp");
    expect(story.records).toEqual(["opened", "acknowledged", "closed read"]);
  });

  it("let only unblock, override or reading end a block by command", () => {
    const story = new Story(world.liveAgent).post().mail(command("block.requested"));
    story.reports("busy").reports("idle").mail(command("trigger.requested"));
    expect(story.state).toBe("blocked");
    story.mail(command("unblock.requested"));
    expect(story.state).toBe("triggering");
  });
});

describe("the thread", () => {
  const thread = (status: "active" | "blocked" | "closed"): ParticipantEvent => ({
    type: "thread.reported",
    status,
    reason: status === "blocked" ? "loopNoProgress" : null,
  });

  it("withdraws the wake when it is closed and begins another when it is reopened", () => {
    const story = new Story(world.liveAgent).post().mail(thread("closed"));
    expect(story.state).toBe("held");
    story.mail(thread("active"));
    expect(story.state).toBe("triggering");
    expect(story.records).toEqual(["opened", "closed withdrawn", "opened"]);
  });

  it("blocks its participants without a second escalation; only an override wakes one", () => {
    const story = new Story(world.liveAgent).post().mail(thread("blocked"));
    expect(story.at.context.blocked).toMatchObject({ reason: "loopNoProgress", byThread: true });
    story.mail(command("trigger.requested"));
    expect(story.state).toBe("blocked");
    story.mail(command("override.forced"));
    expect(story.state).toBe("triggering");
    expect(story.records).toEqual(["opened", "closed blocked", "opened"]);
  });
});

describe("a usage limit", () => {
  const limited = {
    ...world.liveAgent,
    runtime: world.runtime("limited", { limitedUntil: beginning + 5_000 }),
  };

  it("blocks until the terminal is idle again", () => {
    const story = new Story(limited).post().waits();
    expect(story.at.context.blocked).toMatchObject({ reason: "usageLimit", until: beginning + 5_000 });
    expect(Object.keys(story.at.due)).toEqual([]);
    story.reports("idle");
    expect(story.state).toBe("triggering");
  });

  it("is tried again at its reset only where that was chosen", () => {
    const policy = { ...defaultWakePolicy, wakeAtLimitReset: true };
    const story = new Story(limited, { policy }).post().waits().waits();
    // Spread, so that all who share a limit do not come at once.
    expect(story.elapsedMs).toBeGreaterThanOrEqual(5_000);
    expect(story.elapsedMs).toBeLessThan(35_000);
    expect(story.state).toBe("triggering");
  });
});

describe("an agent with two terminals", () => {
  const spare = { runtimeId: "rt-2" };
  const twoTerminals = () => new Story(world.fullAgent).reports("idle", spare);

  it("is woken in the other one when the first has ended: nothing is resumed or started beside it", () => {
    const story = twoTerminals().reports("dead").post().waits();
    expect(story.asked).toEqual(["deliverWake"]);
    expect(story.at.context.wake?.runtimeId).toBe("rt-2");
  });

  it("is typed to anew in the other one when the first ends before it answers, or while it is typed to", () => {
    const unanswered = twoTerminals().post().answers(delivered).reports("dead");
    const interrupted = twoTerminals().post().reports("dead");
    for (const story of [unanswered, interrupted]) {
      expect(story.asked).toEqual(["deliverWake", "deliverWake"]);
      expect(story.at.context.wake).toMatchObject({ runtimeId: "rt-2", triggers: 0, uncertain: false });
    }
  });

  it("is woken in the managed one when the other is handed to a person", () => {
    const story = twoTerminals().reports("idle", { management: "unmanaged" }).post().waits();
    expect(story.at.context.wake?.runtimeId).toBe("rt-2");
  });

  it("is resumed when both have ended", () => {
    const story = twoTerminals().reports("dead").reports("dead", spare).post().waits();
    expect(story.asked).toEqual(["resumeSession"]);
  });

  it("keeps the terminal that was chosen when reconciliation tells of both", () => {
    const story = twoTerminals().reports("dead").post().waits().reports("idle");
    const agent = { ...world.fullAgent, spares: [world.runtime("idle", spare)] };
    story.mail(world.truth(story.at, { agent }));
    expect(story.at.context.agent).toMatchObject({
      runtime: { runtimeId: "rt-2" },
      spares: [{ runtimeId: "rt-1" }],
    });
  });
});
