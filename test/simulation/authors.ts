import type { Outcome, Post, SimWorld } from "./contract.ts";
import { callPatiently, type CallRequest } from "./calls.ts";
import { cast, threads } from "./cast.ts";

/** Clients that post, and remember what they were told. */

export function startAuthors(world: SimWorld): void {
  for (const { agentId } of cast.slice(0, 3)) world.go(() => new Author(world, agentId).live());
  world.go(() => reader(world));
}

class Author {
  readonly #world: SimWorld;
  readonly #agentId: string;
  readonly #stream: string;
  #posts = 0;
  /** Says the same again and again. */
  #isObstinate = false;

  constructor(world: SimWorld, agentId: string) {
    this.#world = world;
    this.#agentId = agentId;
    this.#stream = `author:${agentId}`;
  }

  async live(): Promise<void> {
    const { choices } = this.#world;
    this.#isObstinate = choices.chance(this.#stream, 0.3);
    for (;;) {
      await this.#world.sleep(
        choices.between(this.#stream, 50, choices.one(this.#stream, [400, 1_500, 6_000])),
      );
      if (this.#world.isCalm) return;
      if (choices.chance(this.#stream, 0.1)) await this.#overstep();
      else await this.#post();
    }
  }

  async #post(): Promise<void> {
    const { choices } = this.#world;
    const stream = this.#stream;
    this.#posts += 1;
    const own = Object.keys(threads).filter((id) => threads[id]?.includes(this.#agentId) === true);
    const threadId = choices.one(stream, own);
    const repeated = choices.one(stream, [
      ["ok, thanks", "message"],
      ["the lock is taken twice", "finding"],
    ] as const);
    const said = choices.one(stream, [
      [`${this.#agentId} says ${word(this.#posts)}`, "message"],
      [`${this.#agentId} says ${word(this.#posts)}`, "message"],
      [`${this.#agentId} asks ${word(this.#posts)}`, "question"],
      repeated,
    ]);
    const [body, kind] = this.#isObstinate ? repeated : said;
    const to = choices.chance(stream, 0.2) ? { to: [choices.one(stream, threads[threadId] ?? [])] } : {};
    const input = {
      thread_id: threadId,
      body,
      kind,
      ...to,
      idempotency_key: `${this.#agentId}-${this.#posts}`,
    };
    await this.#postOnce({
      stream,
      token: this.#world.agents.tokenOf(this.#agentId),
      name: "post_message",
      input,
    });
  }

  /** However often and however parallel it is asked for. */
  async #postOnce(request: CallRequest & { input: { thread_id: string; body: string } }): Promise<void> {
    const { choices, checks } = this.#world;
    const { input } = request;
    const twins = choices.chance(this.#stream, 0.2) ? 2 : 1;
    const outcomes = await Promise.all(
      Array.from({ length: twins }, () => callPatiently(this.#world, request)),
    );
    if (choices.chance(this.#stream, 0.3)) outcomes.push(await callPatiently(this.#world, request));
    const seqs = outcomes.flatMap((outcome) =>
      outcome.type === "done" ? [Number(outcome.result["seq"])] : [],
    );
    const [seq] = seqs;
    if (seq === undefined) return;
    const post: Post = { threadId: input.thread_id, author: this.#agentId, body: input.body, seq };
    checks.onAcknowledged(post, seqs);
    if (choices.chance(this.#stream, 0.1)) {
      const other = { ...request, input: { ...input, body: `${input.body}, or not` } };
      checks.onReusedKey(await callPatiently(this.#world, other));
    }
  }

  /** What a participant may not do. */
  async #overstep(): Promise<void> {
    const { choices, agents } = this.#world;
    const own = { stream: this.#stream, token: agents.tokenOf(this.#agentId) };
    const where = { thread_id: "t-1", agent_id: choices.one(this.#stream, ["bob", "cy", "ann"]) };
    const [name, input] = choices.one(this.#stream, [
      ["override_participant", { ...where, reason: "I want to" }],
      ["unblock_participant", { ...where, reason: "I want to" }],
      ["update_thread_status", { thread_id: "t-1", status: "closed", reason: "I want to" }],
      ["pause_injection", { scope: "workspace", reason: "I want to" }],
      ["post_message", { thread_id: "t-1", body: "as you said", in_reply_to: 9_999 }],
      ["post_message", { thread_id: "t-1", body: "as you said", in_reply_to: 9_999 }],
    ]);
    await callPatiently(this.#world, { ...own, name, input });
  }
}

/** Reads pages from the beginning, with a token that is revoked some time, and once with that of another workspace. */
async function reader(world: SimWorld): Promise<void> {
  const stream = "reader";
  const { tokens, choices, checks } = world;
  const foreign = tokens.issue({ agentId: "ann", role: "operator", sessionId: "s-x", workspaceId: "other" });
  const auditor = tokens.issue({ agentId: "ivy", role: "auditor", sessionId: "s-ivy" });
  checks.noteReader(tokens.ownerOf(auditor).jti);
  for (let last = 0; last < 3; last += world.isCalm ? 1 : 0) {
    await world.sleep(world.isCalm ? 2_500 : choices.between(stream, 100, 1_500));
    const token = choices.chance(stream, 0.15) ? foreign : auditor;
    const input = {
      thread_id: choices.one(stream, Object.keys(threads)),
      after_seq: choices.pick(stream, 4),
    };
    const outcome: Outcome = await callPatiently(world, {
      stream,
      token,
      name: "read_messages",
      input,
      tries: 2,
    });
    checks.onRead(input, outcome);
  }
}

/** Words, because numbers do not count as news. */
function word(count: number): string {
  return Array.from(String(count), (digit) => "abcdefghij"[Number(digit)]).join("");
}
