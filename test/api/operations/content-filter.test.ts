import { beforeEach, describe, expect, test } from "vitest";
import { compileContentFilter } from "../../../api/operations/content-filter.ts";
import type { Caller } from "../../../api/operations/caller.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const secret = { name: "key", pattern: "sk-[a-z0-9]{8,}", action: "redact" } as const;
const word = { name: "word", pattern: "(?i)\\bforbidden\\b", action: "refuse" } as const;

describe("the content filter", () => {
  let world: World;
  let pat: Caller;
  beforeEach(async () => {
    world = await createWorld();
    pat = callerOf(world, "pat", "operator");
    await world.call("create_thread", pat, { thread_id: "th-1", title: "t" });
  });
  const filterBy = (...rules: Parameters<typeof compileContentFilter>[0]) => {
    const contentFilter = compileContentFilter(rules);
    if (contentFilter !== undefined) world.workspace.contentFilter = contentFilter;
  };
  const post = (body: string) => world.call("post_message", pat, { thread_id: "th-1", body });
  const bodies = async () => {
    const { messages } = await world.call("read_messages", pat, { thread_id: "th-1", after_seq: 0 });
    return (messages as { body: string }[]).map(({ body }) => body);
  };

  test("is off without rules", async () => {
    filterBy();
    await post("sk-abcdefgh12 forbidden");
    expect(await bodies()).toEqual(["sk-abcdefgh12 forbidden"]);
  });

  test("takes out what matches before it is stored, and the audit tells by which rule, not what", async () => {
    filterBy(secret);
    await post("use sk-abcdefgh12 or sk-zyxwvuts98, not sk-short");
    expect(await bodies()).toEqual(["use [redacted: key] or [redacted: key], not sk-short"]);
    const audit = await world.audit();
    expect(audit[0]?.changes).toContainEqual({ of: "content-filter/key", before: null, after: "2 redacted" });
    expect(JSON.stringify(audit)).not.toContain("sk-abc");
  });

  test("refuses by the rule's name with a next step, stores nothing, and the refusal is on record", async () => {
    filterBy(secret, word);
    await expect(post("this is Forbidden sk-abcdefgh12")).rejects.toMatchObject({
      code: "content_refused",
      details: { rule: "word" },
      nextStep: expect.any(String) as string,
    });
    expect(await bodies()).toEqual([]);
    expect((await world.audit())[0]).toMatchObject({ outcome: "refused", code: "content_refused" });
    expect(JSON.stringify(await world.audit())).not.toContain("Forbidden");
  });

  test("says nothing to who may not post in the thread", async () => {
    filterBy(word);
    const outsider = callerOf(world, "mallory", "participant");
    await expect(
      world.call("post_message", outsider, { thread_id: "th-1", body: "this is forbidden" }),
    ).rejects.toMatchObject({ code: "not_a_participant" });
    expect((await world.audit())[0]).toMatchObject({ actor: "mallory", code: "not_a_participant" });
  });

  test("takes time that grows with the text and not with what a pattern could be made to do", () => {
    const filter = compileContentFilter([{ name: "evil", pattern: "(a+)+$", action: "refuse" }]);
    const started = performance.now();
    expect(filter?.(`${"a".repeat(60_000)}b`).text).toHaveLength(60_001);
    // A backtracking engine needs longer than the age of the universe.
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test.each([["(?=x)"], ["(a)\\1"], ["("], ["x*"]])(
    "refuses the pattern %s at the start, naming its rule",
    (pattern) => {
      expect(() => compileContentFilter([{ name: "odd", pattern, action: "redact" }])).toThrow(/rule odd/);
    },
  );
});
