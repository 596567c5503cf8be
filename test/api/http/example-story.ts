import { routes } from "../../../api/client/routes.ts";
import type { Examples, Example } from "../../../api/http/examples.ts";
import type { OperationName } from "../../../api/client/types.ts";
import type { Role } from "../../../machines/roles.ts";
import { openNotifier } from "../notifier.ts";
import { poison } from "../poison.ts";
import { createWorld, type World } from "../world.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { serve, type RestAnswer, type Served } from "./client.ts";

/** A review as it may happen, in which every operation has its turn: the examples of the reference are what it recorded. */
export async function recordExamples(): Promise<Examples> {
  const world = await createWorld();
  const served = await serve(world);
  try {
    const recorder = new Recorder(world, served);
    await tell(recorder, world);
    await tellOfTokens(recorder, world);
    return recorder.examples();
  } finally {
    await closeServer(served.server, 1_000);
  }
}

export function roleOf(agent: string): Role {
  const roles: Record<string, Role> = { operator: "operator", cora: "coordinator", audra: "auditor" };
  return roles[agent] ?? "participant";
}

/** As a REST call. */
export function sendCall(
  served: Served,
  token: string,
  { name, input, headers = {} }: { name: OperationName; input: Input; headers?: Record<string, string> },
): Promise<RestAnswer> {
  const [method, template] = routes[name];
  const others = { ...input };
  const path = template.replaceAll(/:(\w+)/g, (_, field: string) => {
    const value = String(others[field]);
    delete others[field];
    return encodeURIComponent(value);
  });
  if (method !== "GET") return served.rest(token, method, path, { body: others, headers });
  const query = new URLSearchParams(
    Object.entries(others).map(([key, value]) => [key, String(value)] as [string, string]),
  );
  return served.rest(token, method, `${path}?${query.toString()}`, { headers });
}

export type Input = Record<string, unknown>;
export type Answer = Record<string, unknown>;

class Recorder implements Teller {
  readonly #world: World;
  readonly #served: Served;
  readonly #examples = new Map<string, Example>();
  readonly #tokens = new Map<string, string>();
  readonly #random = new Map<string, string>();

  constructor(world: World, served: Served) {
    this.#world = world;
    this.#served = served;
  }

  examples(): Examples {
    const sorted = [...this.#examples].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return JSON.parse(this.#stable(JSON.stringify(Object.fromEntries(sorted)))) as Examples;
  }

  /** The first call of each operation that succeeds is its example, and the first of each that is refused its problem. */
  async call(name: OperationName, as: string, input: Input = {}): Promise<Answer> {
    const token = await this.#token(as);
    const answer = await sendCall(this.#served, token, { name, input });
    await this.#world.settle();
    await this.#world.clock.advance(1_000);
    const example = this.#examples.get(name) ?? {};
    const what = answer.status === 200 ? "response" : "problem";
    if (example[what] === undefined) {
      if (what === "response") example.request = input;
      example[what] = answer.body;
    }
    this.#examples.set(name, example);
    return answer.body;
  }

  /** A token of its own for somebody. */
  give(as: string, token: string): void {
    this.#tokens.set(as, token);
  }

  async #token(as: string): Promise<string> {
    const known = this.#tokens.get(as) ?? (await this.#served.token(as, roleOf(as)));
    this.#tokens.set(as, known);
    return known;
  }

  /** Random ids, tokens, hashes and keys as such of the same look that stay the same. */
  #stable(text: string): string {
    return text
      .replaceAll(
        /eyJ[\w-]+\.[\w-]+\.[\w-]+/g,
        "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJhZ2VudF9pZCI6ImJvYiJ9.c2lnbmF0dXJl",
      )
      .replaceAll(/\b[0-9a-f]{32,64}\b/g, (id) =>
        this.#standIn(id, (n) => n.toString(16).padStart(id.length, "0")),
      )
      .replaceAll(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, (id) =>
        this.#standIn(id, (n) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, "0")}`),
      )
      .replaceAll(/\bs-[0-9a-f]{16}\b/g, (id) =>
        this.#standIn(id, (n) => `s-${n.toString(16).padStart(16, "0")}`),
      )
      .replaceAll(
        /"(x|hash|anchor|checkpoint|fingerprint)":"(?![0-9a-f]{32}")[\w:=+/-]{20,}"/g,
        (pair, name: string) => this.#standIn(pair, (n) => `"${name}":"${String(n).padStart(16, "0")}"`),
      );
  }

  #standIn(id: string, make: (n: number) => string): string {
    const found = this.#random.get(id) ?? make(this.#random.size + 1);
    this.#random.set(id, found);
    return found;
  }
}

/** Whoever makes the story's calls. */
export interface Teller {
  /** `as` is an agent; operator, cora (coordinator) and audra (auditor) have those roles. Returns the answer's body. */
  call(name: OperationName, as: string, input?: Input): Promise<Answer>;
  /** A token of its own for somebody. */
  give(as: string, token: string): void;
}

/** All but what changes tokens and keys. */
export async function tell(story: Teller, world: World): Promise<void> {
  const call = story.call.bind(story);
  const thread = { thread_id: "th-1" };
  const reviewer = { ...thread, agent_id: "reviewer-1" };
  await call("register_agent", "operator", {
    ...{ agent_id: "reviewer-1", kind: "generic", definition: { command: ["reviewer"] } },
  });
  await call("list_agents", "operator");
  await call("create_thread", "dev-1", {
    ...{ ...thread, title: "Review of the parser", type: "review", participants: ["reviewer-1"] },
  });
  await call("create_thread", "dev-1", { ...thread, title: "Again" });
  await call("list_threads", "dev-1", { limit: 10 });
  await call("get_thread", "dev-1", thread);
  await call("get_thread", "stranger-1", thread);
  await call("post_message", "dev-1", {
    ...{ ...thread, body: "Please look at parser.ts.", kind: "question", to: ["reviewer-1"] },
  });
  await call("register_runtime", "operator", {
    ...{ agent_id: "reviewer-1", mode: "launch", runtime_id: "rt-1" },
  });
  await call("list_runtimes", "operator");
  await call("get_runtime", "operator", { runtime_id: "rt-1" });
  await call("get_runtime", "operator", { runtime_id: "rt-9" });
  const { effects } = await call("list_effects", "operator");
  const [effect] = effects as { address: string; incarnation: number }[];
  await call("get_effect", "operator", { address: effect?.address, incarnation: effect?.incarnation });
  await comeToLife(world);
  const { fingerprint } = await showPrompt(world);
  await call("list_prompts", "operator");
  await call("answer_prompt", "operator", { runtime_id: "rt-1", fingerprint: "0".repeat(32), option: "1" });
  await call("answer_prompt", "operator", { runtime_id: "rt-1", fingerprint, option: "1" });
  await call("heartbeat_session", "reviewer-1", { session_id: "session-7", host: "here", resumable: true });
  await call("trigger_participant", "dev-1", reviewer);
  await call("explain", "operator", reviewer);
  await call("list_wakes", "operator", thread);
  await call("read_messages", "reviewer-1", thread);
  await call("ack_read", "reviewer-1", { ...thread, seq: 1 });
  await call("post_message", "reviewer-1", {
    ...{ ...thread, body: "An empty input makes it loop.", kind: "finding", in_reply_to: 1 },
  });
  await call("summarize_thread", "dev-1", thread);
  await call("add_participant", "dev-1", { ...thread, agent_id: "tester-1" });
  await call("list_participants", "cora", thread);
  await call("block_participant", "cora", reviewer);
  await call("block_participant", "cora", { ...reviewer, reason: "out of credits" });
  await call("unblock_participant", "cora", { ...reviewer, reason: "paid" });
  await call("override_participant", "operator", { ...reviewer, reason: "release is waiting" });
  await call("pause_injection", "operator", {
    scope: "agent",
    agent_id: "reviewer-1",
    reason: "demonstration",
  });
  await call("resume_injection", "operator", { scope: "agent", agent_id: "reviewer-1", reason: "over" });
  await call("update_thread_status", "cora", { ...thread, status: "blocked", reason: "design unclear" });
  await call("list_escalations", "operator");
  await call("test_notifications", "operator");
  await openNotifier(world);
  await call("test_notifications", "operator", { notifier_id: "webhook" });
  await call("list_notifications", "operator");
  await call("retry_notifications", "operator", { notifier_id: "webhook" });
  await call("switch_notifications", "operator", { notifier_id: "webhook", on: false });
  await call("switch_notifications", "operator", { notifier_id: "webhook", on: false, reason: "holiday" });
  await call("reconcile_runtime", "operator", { runtime_id: "rt-1" });
  await call("change_runtime_management", "operator", {
    ...{ runtime_id: "rt-1", management: "unmanaged", reason: "I take over" },
  });
  await call("deregister_runtime", "operator", { runtime_id: "rt-1", reason: "done with it" });
  await poison(world.store, "participant/th-1.tester-1");
  await call("list_quarantined", "operator");
  const { dead_letters } = await call("list_dead_letters", "operator");
  const [letter] = dead_letters as { dead_letter_id: string }[];
  const dead = { dead_letter_id: letter?.dead_letter_id };
  await call("get_dead_letter", "operator", dead);
  await call("requeue_dead_letter", "operator", { ...dead, reason: "chart repaired" });
  await call("release_actor", "operator", { address: "participant/th-1.tester-1", reason: "chart repaired" });
  await poison(world.store, "participant/th-1.tester-1");
  const after = await call("list_dead_letters", "operator", { status: "open" });
  const [second] = after["dead_letters"] as { dead_letter_id: string }[];
  await call("discard_dead_letter", "operator", { dead_letter_id: second?.dead_letter_id, reason: "a test" });
  await call("get_status", "operator");
  await call("get_journal", "audra", { address: "thread/th-1", limit: 2 });
  await call("list_events", "dev-1", { limit: 3 });
  await call("list_nodes", "operator");
}

/** What the host's node would do. */
async function comeToLife(world: World): Promise<void> {
  const work = { nodeId: "n", host: "here", ports: ["launchTerminal"], limit: 1, leaseMs: 9_000 };
  const address = { backend: "tmux", server: "/tmp/s", target: "%1", pid: 42, pidStartedAt: "7" };
  for (const { lease } of await world.store.claimEffects(work)) {
    await world.store.settleEffect(lease, { status: "done", output: { address, sessionId: null } });
  }
  await world.settle();
}

/** What the watch of its terminal would report. */
async function showPrompt(world: World): Promise<{ fingerprint: string }> {
  const prompt = {
    fingerprint: "70aaed4fda9c81d455e53892b9c651d9",
    text: "Would you like to run the following command?\n\n  $ npm test\n\n  1. Yes, proceed\n  2. No",
    options: [
      { option: "1", label: "Yes, proceed" },
      { option: "2", label: "No" },
    ],
  };
  const event = {
    type: "terminal.observed",
    observation: { activity: "dialog", dialog: "permission", prompt },
  };
  await world.store.transaction((tx) => tx.send([{ to: "runtime/rt-1", from: "test", event }]));
  await world.settle();
  return prompt;
}

/** Afterwards the keys that signed the first tokens are gone. */
export async function tellOfTokens(story: Teller, world: World): Promise<void> {
  const call = story.call.bind(story);
  const { entries } = await call("list_audit", "audra", { limit: 1 });
  const [entry] = entries as { audit_id: string }[];
  await call("get_audit_entry", "audra", { audit_id: entry?.audit_id });
  await call("get_audit_head", "audra");
  await call("verify_audit", "audra");
  const issued = await call("issue_token", "operator", {
    agent_id: "bob",
    role: "participant",
    lifetime_s: 3_600,
  });
  await call("list_tokens", "operator", { agent_id: "bob" });
  await call("revoke_token", "operator", { jti: issued["jti"], reason: "lost" });
  await call("revoke_tokens_of", "operator", { agent_id: "bob", reason: "the agent was retired" });
  const { token } = await world.workspace.tokens.issue({
    ...{ agentId: "dev-2", role: "participant", sessionId: "session-8", lifetimeMs: 900_000 },
    refresh: { forMs: 3_600_000 },
  });
  story.give("dev-2", token);
  await call("refresh_token", "dev-2");
  await call("rotate_signing_key", "operator", { reason: "as every quarter" });
  const { keys } = await call("list_signing_keys", "operator");
  const signedByNew = { agentId: "olga", role: "operator", sessionId: "s", lifetimeMs: 900_000 } as const;
  story.give("olga", (await world.workspace.tokens.issue(signedByNew)).token);
  for (const { kid } of keys as { kid: string }[])
    await call("retire_signing_key", "olga", { kid, reason: "leaked" });
}
