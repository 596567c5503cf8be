import { expect, test } from "vitest";
import type { Transaction, TurnCommit, Work } from "../../runtime/store.ts";
import { noteWork, workOf } from "../../runtime/work.ts";

type Asks = Pick<TurnCommit, "outgoing" | "published" | "timersArmed" | "effectsRequested">;

const nothing: Asks = { outgoing: [], published: [], timersArmed: [], effectsRequested: [] };
const commit = (asks: Partial<Record<keyof Asks, readonly unknown[]>>): TurnCommit =>
  ({ ...nothing, ...asks }) as unknown as TurnCommit;

test.each<[string, Partial<Record<keyof Asks, readonly unknown[]>>, Work[]]>([
  ["nothing", {}, []],
  ["mail for an actor", { outgoing: [1] }, ["mail"]],
  ["mail for a topic", { published: [1] }, ["mail"]],
  ["a timer", { timersArmed: [1] }, ["timers"]],
  ["an effect", { effectsRequested: [1] }, ["effects"]],
])("a commit with %s asks for just that", (_, asks, expected) => {
  expect(workOf([commit({}), commit(asks)])).toEqual(expected);
});

test("a transaction notes what its actors asked for, beside the mail that it may send", async () => {
  const committed: TurnCommit[] = [];
  const plain = { commitTurns: async (commits: TurnCommit[]) => void committed.push(...commits) };
  const { tx, asked } = noteWork(plain as unknown as Transaction, () => undefined);
  expect([...asked]).toEqual(["mail"]);
  await tx.commitTurns([commit({ effectsRequested: [1] })]);
  await tx.commitTurns([commit({ timersArmed: [1] })]);
  expect([...asked]).toEqual(["mail", "effects", "timers"]);
  expect(committed).toHaveLength(2);
});
