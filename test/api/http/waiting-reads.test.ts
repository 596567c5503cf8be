import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { callerOf, createWorld, type World } from "../world.ts";
import { serve, type RestAnswer, type Served } from "./client.ts";

let world: World;
let served: Served;
let bob: string;
/** How many listen for rings now: a read that waits does. */
let listeners: number;

beforeEach(async () => {
  world = await createWorld();
  served = await serve(world);
  bob = await served.token("bob");
  const ann = callerOf(world, "ann");
  await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants: ["bob"] });
  listeners = 0;
  const { engine } = world.workspace;
  const onRing = engine.onRing.bind(engine);
  engine.onRing = (listener) => {
    listeners += 1;
    const end = onRing(listener);
    return () => {
      listeners -= 1;
      end();
    };
  };
});
afterEach(() => closeServer(served.server, 1_000));

const path = "/v1/threads/th-1/messages?wait_s=50";
const wait = (token: string): Promise<RestAnswer> => served.rest(token, "GET", path);
const isWaiting = () => expect.poll(() => listeners).toBe(1);

describe("a read that waits, over REST", () => {
  test("comes back with what was posted meanwhile", async () => {
    const waiting = wait(bob);
    await isWaiting();
    await world.call("post_message", callerOf(world, "ann"), { thread_id: "th-1", body: "Here it is" });
    expect((await waiting).body["messages"]).toMatchObject([{ body: "Here it is" }]);
  });

  test("tells nothing more once its token was revoked", async () => {
    const waiting = wait(bob);
    await isWaiting();
    await world.call("revoke_tokens_of", callerOf(world, "pat", "operator"), {
      ...{ agent_id: "bob", reason: "lost" },
    });
    await world.clock.advance(5_000);
    expect(await waiting).toMatchObject({ status: 401, body: { code: "token_revoked" } });
    expect(listeners).toBe(0);
  });

  test("ends when the node drains, with an answer", async () => {
    const waiting = wait(bob);
    await isWaiting();
    await closeServer(served.server, 5_000);
    expect(await waiting).toMatchObject({ status: 200, body: { messages: [] } });
  });

  test("ends when its client goes away", async () => {
    const over = new AbortController();
    const headers = { authorization: `Bearer ${bob}` };
    const waiting = fetch(`${served.url}${path}`, { headers, signal: over.signal }).catch(() => "gone");
    await isWaiting();
    over.abort();
    expect(await waiting).toBe("gone");
    await expect.poll(() => listeners).toBe(0);
  });

  test("is one of a bounded number of its agent's: further ones are answered at once, and others wait on", async () => {
    const over = new AbortController();
    const first = (token: string, count: number) =>
      Promise.any(
        Array.from({ length: count }, () =>
          fetch(`${served.url}${path}`, {
            headers: { authorization: `Bearer ${token}` },
            signal: over.signal,
          }),
        ),
      );
    const answered = await first(bob, 33);
    expect(await answered.json()).toMatchObject({ messages: [] });
    const ann = first(await served.token("ann"), 1).then(async (response) => response.json());
    await world.call("post_message", callerOf(world, "ann"), { thread_id: "th-1", body: "News" });
    expect(await ann).toMatchObject({ messages: [{ body: "News" }] });
    over.abort();
  });
});
