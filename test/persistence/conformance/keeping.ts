import fc from "fast-check";

import type { Lease, Store, Transaction } from "../../../runtime/store.ts";
import { callOnTokens, dumpTokens, tokenCall } from "./token-calls.ts";

/** Random calls on what operations and nodes keep beside actors, mail and effects. */

const agent = fc.constantFrom("ann", "bob", "cy");
const name = fc.constantFrom("one", "two");
const text = fc.constantFrom("", "a", "b");

export const keepingCall = fc.oneof(
  fc.record({ do: fc.constant("publish" as const), topic: fc.constantFrom("news", "other") }),
  fc.record({ do: fc.constant("key" as const), caller: agent, key: name, fingerprint: text }),
  fc.record({ do: fc.constant("audit" as const), actor: agent, reason: text, fails: fc.boolean() }),
  fc.record({ do: fc.constant("tokens" as const), call: tokenCall }),
  fc.record({ do: fc.constant("tokens" as const), call: tokenCall }),
  fc.record({ do: fc.constant("setting" as const), name, value: fc.jsonValue({ maxDepth: 1 }) }),
  fc.record({
    do: fc.constant("agent" as const),
    agent,
    host: fc.option(name),
    definition: fc.option(fc.constant({ a: 1 })),
  }),
  fc.record({ do: fc.constant("pause" as const), agent, paused: fc.boolean() }),
  fc.record({ do: fc.constant("seal" as const), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("leave" as const), node: fc.nat({ max: 4 }), instance: name }),
  fc.record({ do: fc.constant("fenced" as const), lease: fc.nat({ max: 4 }), agent }),
  fc.record({ do: fc.constant("unrunnable" as const), charts: fc.constantFrom([], ["thread@hash"]) }),
  fc.record({ do: fc.constant("setAside" as const), charts: fc.constantFrom([], ["thread@hash"]) }),
);
export type KeepingCall = typeof keepingCall extends fc.Arbitrary<infer Value> ? Value : never;

export function keep(store: Store, call: KeepingCall, leaseAt: (back: number) => Lease): Promise<unknown> {
  if (call.do === "leave") {
    return store.removeNode({ nodeId: `node-${call.node}`, instance: call.instance });
  }
  if (call.do === "seal") return store.sealAudit({ limit: call.limit });
  const options = call.do === "fenced" ? { lease: leaseAt(call.lease) } : {};
  return store.transaction((tx) => keepIn(tx, call), options);
}

async function keepIn(
  tx: Transaction,
  call: Exclude<KeepingCall, { do: "leave" | "seal" }>,
): Promise<unknown> {
  switch (call.do) {
    case "publish":
      return tx.publish({ topic: call.topic, from: "test", event: { type: "published" } });
    case "key": {
      const { caller, key, fingerprint } = call;
      return tx.putIdempotent({ caller, key }, { operation: "post", fingerprint, response: { fingerprint } });
    }
    case "audit": {
      const outcome = call.fails ? "refused" : "done";
      const entry = { actor: call.actor, role: "operator", operation: "o", subject: "s", outcome } as const;
      const changes = [{ of: "s", before: null, after: call.reason }];
      await tx.appendAudit({
        ...{ ...entry, code: null, reason: call.reason, details: { n: 1 } },
        ...{ changes, requestId: null },
      });
      if (call.fails) throw new Error("planted");
      return null;
    }
    case "tokens":
      return callOnTokens(tx, call.call);
    case "setting":
      return tx.putSetting(call.name, call.value);
    case "agent":
      return tx.putAgent({
        agentId: call.agent,
        kind: "generic",
        definition: call.definition,
        host: call.host,
      });
    case "pause":
      return tx.pauseAgent({ agentId: call.agent, paused: call.paused });
    case "fenced": {
      const session = { sessionId: "s", host: "h", resumable: true };
      return tx.recordHeartbeat({ agentId: call.agent, session });
    }
    case "unrunnable":
      return tx.claimUnrunnable({ charts: call.charts, lostAfterMs: 30, limit: 9 });
    case "setAside":
      return tx.claimSetAside({ charts: call.charts, limit: 9 });
  }
}

const keys = ["ann", "bob", "cy"].flatMap((caller) => ["one", "two"].map((key) => ({ caller, key })));

/** Everything that is kept for operations. */
export async function dumpKept(store: Store): Promise<unknown> {
  // A look at a key is no mere read: it may have to wait for a standby.
  const known = await store.transaction((tx) => all(keys, (key) => tx.getIdempotent(key)));
  return { keys: known, ...(await dumpRows(store)) };
}

/** In one transaction. */
function dumpRows(store: Store): Promise<object> {
  return store.transaction(
    async (tx) => ({
      tokens: await dumpTokens(tx),
      settings: await all(["one", "two"], (each) => tx.getSetting(each)),
      agents: await all(["ann", "bob", "cy"], (each) => tx.getAgent(each)),
      actors: await tx.listActorsBySubject({ kind: "thread", subject: "x" }),
      stored: await tx.getActor("thread/a"),
      letter: await tx.getDeadLetter("999999"),
      threads: await all(["th-1", "th-2"], async (threadId) => ({
        thread: await tx.getThread(threadId),
        messages: await tx.listMessages({ threadId, afterSeq: 0, limit: 99 }),
        latest: await tx.listLatestMessages({ threadId, limit: 2 }),
        members: await tx.listMembers(threadId),
        own: await tx.getMember({ threadId, agentId: "ann" }),
        unread: await tx.countUnread({ threadId, agentId: "ann" }),
      })),
    }),
    { readOnly: true },
  );
}

/** One after the other: a transaction has one connection. */
async function all<Key, Value>(wanted: readonly Key[], get: (key: Key) => Promise<Value>): Promise<Value[]> {
  const found: Value[] = [];
  for (const key of wanted) found.push(await get(key));
  return found;
}
