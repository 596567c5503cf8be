import { beforeEach, expect, test } from "vitest";
import { stateOf } from "../../../api/library/handle.ts";
import type { Caller } from "../../../api/operations/caller.ts";
import { spoilRecord } from "../../runtime/spoil-record.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const address = "runtime/rt-1";
const toldWhich = {
  code: "internal",
  message: `the record of ${address} cannot be read`,
  nextStep: expect.stringContaining("backup") as string,
  details: { address },
};
let world: World;
let pat: Caller;

beforeEach(async () => {
  world = await createWorld();
  pat = callerOf(world, "pat", "operator");
  await world.call("create_thread", pat, { thread_id: "th-1", title: "t", participants: ["bob"] });
  await world.call("register_agent", pat, { agent_id: "bob", kind: "codex", definition: {} });
  await world.call("register_runtime", pat, { agent_id: "bob", mode: "launch", runtime_id: "rt-1" });
  await world.settle();
  await spoilRecord(world.store, address);
});

test("who asks for an actor whose record cannot be read is told which one it is and what to do", async () => {
  await expect(world.call("get_runtime", pat, { runtime_id: "rt-1" })).rejects.toMatchObject(toldWhich);
  const actor = await world.store.getActor(address);
  if (actor === null) throw new Error("no actor");
  expect(() => stateOf(actor)).toThrow(expect.objectContaining(toldWhich));
});

test("who sends it an event is told the same", async () => {
  const { engine } = world.workspace;
  const event = { type: "host.lost" };
  const sent = world.store.transaction((tx) => engine.command(tx, { to: address, event, from: "test" }));
  await expect(sent).rejects.toMatchObject(toldWhich);
});

test("a runtime's record that cannot be read keeps its agent neither from a thread nor from a heartbeat", async () => {
  await world.call("create_thread", pat, { thread_id: "th-2", title: "t", participants: ["bob"] });
  await world.call("heartbeat_session", callerOf(world, "bob"), {});
  const { participants } = await world.call("list_participants", pat, { thread_id: "th-2" });
  expect(participants).toMatchObject([{ agent_id: "bob" }]);
});
