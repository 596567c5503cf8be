import { addresses, type Address } from "../../machines/mail.ts";
import type { Tenant } from "./stage.ts";

/** A word that stands in everything a tenant holds: whoever sees it elsewhere saw across the wall. */
export const canary = "canary-4711";

/** Field of an input → a value that exists in the tenant. */
export type KnownValues = Readonly<Record<string, string | number>>;

/** Fills a tenant with one thing of each kind, and says how they are called. */
export async function seed(tenant: Tenant, name: string): Promise<KnownValues> {
  const thread = `th-${name}`;
  const runtime = `rt-${name}`;
  const quarantined = addresses.participant(thread, "bob");
  await tenant.call("register_agent", "operator", {
    agent_id: "bob",
    kind: "generic",
    definition: { command: ["true"], note: canary },
  });
  await tenant.call("create_thread", "operator", {
    thread_id: thread,
    title: `${canary} title`,
    participants: ["ann", "bob"],
  });
  const key = `key-${name}`;
  for (const text of ["one", "two"]) {
    const body = `${canary} body ${text}`;
    await tenant.call("post_message", "participant", {
      thread_id: thread,
      body,
      idempotency_key: `${key}-${text}`,
    });
  }
  await tenant.call("heartbeat_session", "participant", { session_id: "s-ann", host: "here" });
  await tenant.call("register_runtime", "operator", { agent_id: "bob", mode: "launch", runtime_id: runtime });
  await tenant.settle();
  await poison(tenant, quarantined);
  const [letters, effects, audit, keys, tokens] = await Promise.all([
    tenant.store.listDeadLetters({ limit: 1 }),
    tenant.store.listEffects({ limit: 1 }),
    tenant.store.listAudit({ limit: 1 }),
    tenant.call("list_signing_keys", "operator", {}),
    tenant.workspace.tokens.issue({
      agentId: "zoe",
      role: "participant",
      sessionId: "s-zoe",
      lifetimeMs: 60_000,
    }),
  ]);
  const [signing] = keys["keys"] as { kid: string }[];
  return {
    thread_id: thread,
    agent_id: "bob",
    runtime_id: runtime,
    address: effects[0]?.address ?? `thread/${thread}`,
    incarnation: effects[0]?.incarnation ?? 1,
    dead_letter_id: letters.rows[0]?.deadLetterId ?? "1",
    audit_id: audit.rows[0]?.auditId ?? "1",
    wake_id: `${thread}.bob.1`,
    kid: signing?.kid ?? "",
    jti: tokens.jti,
    session_id: "s-zoe",
    seq: 1,
    in_reply_to: 1,
    idempotency_key: `${key}-one`,
    cursor: await cursorOf(tenant),
  };
}

/** A place in a list of the tenant's. */
async function cursorOf(tenant: Tenant): Promise<string> {
  const { next_cursor: cursor } = await tenant.call("list_audit", "operator", { limit: 1 });
  return typeof cursor === "string" ? cursor : "0";
}

/** As by a chart that throws: the mail is a dead letter, and its actor is set aside. */
async function poison({ store }: Tenant, to: Address): Promise<void> {
  const event = { type: "nudge.unknown", note: canary };
  await store.transaction((tx) => tx.send([{ to, from: "test", event }]));
  await store.transaction(async (tx) => {
    const claim = await tx.claimActor(to);
    const mail = claim?.mail.at(-1);
    if (claim === null || mail === undefined) throw new Error("expected mail");
    const { actor } = claim;
    const version = actor.version + 1;
    const error = { code: "internal", message: `guard threw ${canary}`, retryable: false };
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
}
