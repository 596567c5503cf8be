import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { callerOf, createWorld, type World } from "../world.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";

describe.each(storeFixtures())("failure as a state $name", (fixture) => {
  let world: World;
  let pat: Caller;
  let dan: Caller;
  let auditor: Caller;
  let coordinator: Caller;
  const address = "participant/th-1.bob";

  beforeEach(async () => {
    const clock = new ManualClock();
    world = await createWorld(clock, await fixture.open(clock));
    pat = callerOf(world, "pat", "operator");
    dan = callerOf(world, "dan", "operator");
    auditor = callerOf(world, "audra", "auditor");
    coordinator = callerOf(world, "cora", "coordinator");
    await world.call("create_thread", pat, { thread_id: "th-1", title: "t", participants: ["bob"] });
    await world.settle();
  });
  afterAll(() => fixture.close());

  /** As by a chart that throws: the mail is consumed, and the actor stops. */
  const poison = async (event = { type: "nudge.unknown" }): Promise<string> => {
    await world.store.transaction((tx) => tx.send([{ to: address, from: "test", event }]));
    await world.store.transaction(async (tx) => {
      const claim = await tx.claimActor(address);
      const mail = claim?.mail.at(-1);
      if (claim === null || mail === undefined) throw new Error("expected mail");
      const { actor } = claim;
      const version = actor.version + 1;
      const error = { code: "internal", message: "guard threw", retryable: false };
      const entry = {
        seq: version,
        from: "test",
        event,
        cause: null,
        transitions: [],
        states: [],
        records: [],
      };
      await tx.commitTurns([
        {
          ...{ actor: { ...actor, version, status: "quarantined" }, expectedVersion: actor.version },
          ...{ consumed: [mail], deadLetters: [{ mail, error }], journal: [{ ...entry, dropped: "poison" }] },
          ...{ outgoing: [], published: [], timersArmed: [], timersCancelled: [], effectsRequested: [] },
          ...{ effectsCancelled: [], records: [], subscriptions: [] },
        },
      ]);
    });
    const { rows } = await world.store.listDeadLetters({ limit: 1 });
    return rows[0]?.deadLetterId ?? "";
  };
  const post = () => world.call("post_message", pat, { thread_id: "th-1", body: "Please look" });
  const status = async () => (await world.store.getActor(address))?.status;
  const requeue = (caller: Caller, id: string, more: object = {}) =>
    world.call("requeue_dead_letter", caller, { dead_letter_id: id, reason: "chart repaired", ...more });

  test("a dead letter is read with its event, its error and the journal around it", async () => {
    const id = await poison();
    expect(await world.call("get_dead_letter", auditor, { dead_letter_id: id })).toMatchObject({
      actor_status: "quarantined",
      dead_letter: {
        address,
        event: { type: "nudge.unknown" },
        error: { code: "internal" },
        status: "open",
      },
      journal: expect.arrayContaining([expect.objectContaining({ dropped: "poison" })]) as unknown[],
    });
    const filtered = { address, code: "internal", status: "open" };
    expect(await world.call("list_dead_letters", coordinator, filtered)).toMatchObject({
      dead_letters: [{ dead_letter_id: id }],
      has_more: false,
    });
    const none = await world.call("list_dead_letters", auditor, { code: "conflict" });
    expect(none).toMatchObject({ dead_letters: [] });
    const unknown = world.call("get_dead_letter", auditor, { dead_letter_id: "999999999" });
    await expect(unknown).rejects.toMatchObject({ code: "not_found" });
  });

  test("what is quarantined is seen, with why, since when and how much waits for it", async () => {
    const id = await poison();
    const since = new Date(world.clock.now()).toISOString();
    await world.clock.advance(5_000);
    await post();
    await world.settle();
    expect(await world.call("list_quarantined", auditor, {})).toMatchObject({
      actors: [{ address, since, waiting_mail: 1, dead_letter_id: id, error: { message: "guard threw" } }],
    });
    expect(await world.call("get_status", pat, {})).toMatchObject({
      mail: 0,
      quarantined_mail: 1,
      dead_letters: 1,
      actors: { quarantined: 1 },
    });
    const { explanations } = await world.call("explain", pat, { agent_id: "bob" });
    expect(explanations).toMatchObject([{ next: expect.stringContaining("list_quarantined") as string }]);
  });

  test("requeueing with release puts the mail back, lets the actor go on, and is written down", async () => {
    const id = await poison();
    await post();
    expect(await requeue(pat, id, { release: true })).toMatchObject({
      changed: true,
      released: true,
      dead_letter: { status: "requeued", decision: { by: "pat", reason: "chart repaired" } },
    });
    expect(world.rings()).toBeGreaterThan(0);
    await world.settle();
    expect(await status()).toBe("active");
    const types = (await world.store.listJournal({ address, limit: 50 })).map(({ event }) => event.type);
    expect(types.slice(-3)).toEqual(["actor.released", "message.posted", "nudge.unknown"]);
    const { participants } = await world.call("list_participants", pat, { thread_id: "th-1" });
    expect(participants).toMatchObject([{ unread: 1 }]);
    expect((await world.audit())[0]).toMatchObject({
      operation: "requeue_dead_letter",
      subject: `dead-letter/${id}`,
      outcome: "done",
      reason: "chart repaired",
    });
  });

  test("two operators at once put the mail back once, and the second is told so", async () => {
    const id = await poison();
    const answers = await Promise.all([requeue(pat, id), requeue(dan, id)]);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(1);
    expect((await world.store.counts()).quarantinedMail).toBe(1);
    const discard = world.call("discard_dead_letter", dan, { dead_letter_id: id, reason: "no" });
    await expect(discard).rejects.toMatchObject({ code: "transition_refused" });
  });

  test("a discarded one stays on record and does not come again", async () => {
    const id = await poison();
    const discard = { dead_letter_id: id, reason: "obsolete" };
    expect(await world.call("discard_dead_letter", pat, discard)).toMatchObject({ changed: true });
    expect(await world.call("discard_dead_letter", dan, discard)).toMatchObject({ changed: false });
    await expect(requeue(dan, id, { release: true })).rejects.toMatchObject({ code: "transition_refused" });
    // The refusal undid the release, too.
    expect(await status()).toBe("quarantined");
    const discarded = await world.call("list_dead_letters", auditor, { status: "discarded" });
    expect(discarded).toMatchObject({ dead_letters: [{ dead_letter_id: id, decision: { by: "pat" } }] });
  });

  test("mail to an actor that does not exist is refused again, and stays", async () => {
    const nowhere = "thread/nowhere";
    await world.store.transaction(async (tx) => {
      const claim = await tx.claimActor(address);
      if (claim === null) throw new Error("no actor");
      const { actor } = claim;
      await tx.commitTurns([
        {
          ...{ actor: { ...actor, version: actor.version }, expectedVersion: actor.version, consumed: [] },
          ...{
            outgoing: [{ to: nowhere, from: address, event: { type: "lost" } }],
            deadLetters: [],
            journal: [],
          },
          ...{
            published: [],
            timersArmed: [],
            timersCancelled: [],
            effectsRequested: [],
            effectsCancelled: [],
          },
          ...{ records: [], subscriptions: [] },
        },
      ]);
    });
    const { dead_letters: letters } = await world.call("list_dead_letters", pat, { address: nowhere });
    const [{ dead_letter_id: id }] = letters as [{ dead_letter_id: string }];
    await expect(requeue(pat, id, { release: true })).rejects.toMatchObject({ code: "actor_not_found" });
    const open = await world.call("list_dead_letters", pat, { status: "open" });
    expect(open).toMatchObject({ dead_letters: [{ dead_letter_id: id }] });
  });

  test("release lets the waiting mail go on, is idempotent, and names an actor that is not there", async () => {
    await poison();
    await post();
    const release = (target: string) =>
      world.call("release_actor", pat, { address: target, reason: "repaired" });
    expect(await release(address)).toMatchObject({ released: true });
    expect(await release(address)).toMatchObject({ released: false });
    await world.settle();
    expect((await world.store.counts()).mail).toBe(0);
    await expect(release("thread/none")).rejects.toMatchObject({ code: "actor_not_found" });
    expect((await world.audit()).map(({ operation, subject }) => [operation, subject])).toContainEqual([
      "release_actor",
      address,
    ]);
  });

  test("an actor that fails again is quarantined again", async () => {
    await poison();
    const release = () => world.call("release_actor", pat, { address, reason: "try" });
    await release();
    const again = await poison();
    expect(await status()).toBe("quarantined");
    const { actors } = await world.call("list_quarantined", pat, {});
    expect(actors).toMatchObject([{ dead_letter_id: again }]);
  });

  test.each(["requeue_dead_letter", "discard_dead_letter", "release_actor"])(
    "%s wants an operator and a reason",
    async (name) => {
      const id = await poison();
      const input = name === "release_actor" ? { address } : { dead_letter_id: id };
      const reason = "because";
      for (const caller of [auditor, coordinator]) {
        const refused = world.call(name, caller, { ...input, reason });
        await expect(refused).rejects.toMatchObject({ code: "forbidden" });
      }
      await expect(world.call(name, pat, input)).rejects.toMatchObject({ code: "reason_required" });
      expect((await world.audit()).slice(0, 3)).toMatchObject([
        { outcome: "refused", code: "reason_required" },
        { outcome: "refused", code: "forbidden" },
        { outcome: "refused", code: "forbidden" },
      ]);
      expect(await status()).toBe("quarantined");
    },
  );

  test("effects tell their attempts, their holder, the next try and what uncertain means", async () => {
    await world.call("register_agent", pat, {
      agent_id: "bob",
      kind: "generic",
      definition: { argv: ["bob"] },
    });
    await world.call("register_runtime", pat, { agent_id: "bob", mode: "launch", runtime_id: "rt-1" });
    await world.settle();
    const ask = { nodeId: "n-1", host: "here", ports: ["launchTerminal"], limit: 1, leaseMs: 9_000 };
    const [claimed] = await world.store.claimEffects(ask);
    if (claimed === undefined) throw new Error("expected a launch");
    const list = async (input: object = {}) => (await world.call("list_effects", auditor, input))["effects"];
    expect(await list({ status: "running" })).toMatchObject([
      { port: "launchTerminal", attempt: 1, node_id: "n-1", sentence: "Attempt 1 is being made by n-1." },
    ]);
    await world.store.startEffect(claimed.lease);
    const error = { code: "effect_uncertain", message: "its node fell silent", retryable: false };
    await world.store.settleEffect(claimed.lease, { status: "uncertain", error });
    expect(await list({ status: "uncertain" })).toMatchObject([
      { outcome: error, sentence: expect.stringContaining("not repeated blindly") as string },
    ]);
    const { address: owner, incarnation } = claimed.lease;
    expect(await world.call("get_effect", auditor, { address: owner, incarnation })).toMatchObject({
      attempts: [{ attempt: 1, node_id: "n-1", outcome: "uncertain", error }],
      policy: { most_attempts: expect.any(Number) as number },
    });
    const unknown = world.call("get_effect", auditor, { address: owner, incarnation: 999 });
    await expect(unknown).rejects.toMatchObject({ code: "not_found" });
  });

  test("nodes are listed with what they have in hand", async () => {
    const beat = {
      nodeId: "n-1",
      instance: "i",
      host: "here",
      url: "http://127.0.0.1:1",
      charts: ["thread@1"],
    };
    await world.store.beatNode({ ...beat, process: null, draining: true, lostAfterMs: 9_000 });
    const now = new Date(world.clock.now()).toISOString();
    expect(await world.call("list_nodes", auditor, {})).toMatchObject({
      now,
      nodes: [{ node_id: "n-1", host: "here", last_beat_at: now, charts: ["thread@1"], draining: true }],
    });
  });
});
