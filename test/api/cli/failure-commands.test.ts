import { afterEach, beforeEach, expect, test } from "vitest";
import { nodeBeat } from "../../persistence/conformance/subject.ts";
import { createStage, type Outcome, type Stage } from "./stage.ts";

let stage: Stage;
const address = "participant/th-1.bob";

beforeEach(async () => {
  stage = await createStage();
  await rouse("thread", "create", "Review", "--id", "th-1", "-p", "bob");
  await stage.world.settle();
});
afterEach(() => stage.close());

const rouse = (...args: string[]): Promise<Outcome> => stage.rouse(args);
const json = async (...args: string[]) => JSON.parse((await rouse(...args, "--json")).out) as unknown;

/** The chart reads what this event does not carry, and throws. */
async function poison(): Promise<string> {
  const event = { type: "state.reconciled" };
  await stage.world.store.transaction((tx) => tx.send([{ to: address, from: "test", event }]));
  await stage.world.settle();
  const { rows } = await stage.world.store.listDeadLetters({ limit: 1 });
  return rows[0]?.deadLetterId ?? "";
}

test("what a chart could not process is found, looked at and put back", async () => {
  const id = await poison();
  expect((await rouse("dead-letters", "list", "--status", "open")).out).toMatch(
    new RegExp(`^ *${id} .*${address} +state\\.reconciled +test +open +internal`, "m"),
  );
  const shown = (await rouse("dead-letters", "show", id)).out;
  expect(shown).toMatch(/^actor +participant\/th-1\.bob \(quarantined\)$/m);
  expect(shown).toMatch(/^event +\{"type":"state\.reconciled"\}$/m);
  expect(shown).toContain("Journal around it");
  expect(shown).toContain("dropped: poison");
  expect((await rouse("actors", "quarantined")).out).toMatch(
    new RegExp(`^${address} +now +0 +${id} +internal`, "m"),
  );
  const status = (await rouse("status")).out;
  expect(status).toContain("Quarantined actors");
  expect(status).toMatch(/^dead letters +1$/m);

  expect(await rouse("dead-letters", "requeue", id)).toMatchObject({ code: 2 });
  const requeued = await rouse("dead-letters", "requeue", id, "--release", "--reason", "chart repaired");
  expect(requeued.out).toBe(`Dead letter ${id} is in the mailbox of ${address} again. ${address} goes on.\n`);
  const again = await rouse("dead-letters", "requeue", id, "--reason", "twice");
  expect(again.out).toBe(`Dead letter ${id} was requeued before.\n`);
  expect(await rouse("dead-letters", "discard", id, "--reason", "no")).toMatchObject({ code: 5 });
  // The chart is as it was: the same mail sets it aside again, as a new dead letter.
  await stage.world.settle();
  expect(await json("dead-letters", "--status", "open")).toMatchObject({
    dead_letters: [{ address, status: "open", decision: null }],
  });
});

test("an actor is released, and a dead letter discarded", async () => {
  const id = await poison();
  const discarded = await rouse("dead-letters", "discard", id, "--reason", "it was malformed");
  expect(discarded.out).toBe(`Dead letter ${id} is discarded.\n`);
  expect((await rouse("dead-letters", "show", id)).out).toMatch(
    /^decided +by operator, now: it was malformed$/m,
  );
  const release = () => rouse("actors", "release", address, "--reason", "chart repaired");
  expect((await release()).out).toBe(`${address} goes on.\n`);
  expect((await release()).out).toBe(`${address} was not quarantined.\n`);
  expect(await rouse("actors", "quarantined")).toMatchObject({ out: "No quarantined actors.\n" });
  expect(await rouse("actors", "release", "thread/none", "--reason", "r")).toMatchObject({ code: 4 });
});

test("outside work shows its attempts, its policy, and when it is tried next", async () => {
  await rouse("agent", "register", "bob", "--definition", '{"argv": ["bob"]}');
  await rouse("runtime", "register", "bob", "--id", "rt-1");
  await stage.world.settle();
  const { store } = stage.world;
  const ask = { nodeId: "n-1", host: "here", ports: ["launchTerminal"], limit: 1, leaseMs: 9_000 };
  const [claimed] = await store.claimEffects(ask);
  if (claimed === undefined) throw new Error("expected a launch");
  const error = { code: "terminal_failed", message: "no pane", retryable: true };
  await store.settleEffect(claimed.lease, { status: "retry", error, delayMs: 5_000 });
  const { address: owner, incarnation } = claimed.lease;
  expect((await rouse("effects", "list", "--status", "pending")).out).toMatch(
    /runtime\/rt-1 +\d+ +launchTerminal +pending +1\/\d+ +n-1 +in 5s/,
  );
  const shown = (await rouse("effects", "show", owner, String(incarnation))).out;
  expect(shown).toMatch(/^meaning +Attempt 1 came to nothing; a node on here tries again from/m);
  expect(shown).toMatch(/^policy +\w+, at most \d+ attempts/m);
  expect(shown).toContain("no pane (terminal_failed)");
  expect(await rouse("effects", "show", owner, "nought")).toMatchObject({ code: 2 });
});

test("nodes show their beat, their work and that they drain", async () => {
  expect((await rouse("nodes")).out).toBe("No nodes.\n");
  await stage.world.store.beatNode(nodeBeat({ draining: true, charts: ["thread@1"] }));
  await stage.world.clock.advance(4_000);
  expect((await rouse("nodes")).out).toMatch(
    /^node-1 +host-1 +- +\S+ +4s ago +4s ago +0 +thread@1 +draining$/m,
  );
  expect(await json("nodes")).toMatchObject({ nodes: [{ node_id: "node-1", draining: true }] });
});
