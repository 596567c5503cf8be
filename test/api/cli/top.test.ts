import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { frame, watch } from "../../../api/cli/render/watch.ts";
import { createStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await createStage();
  await stage.rouse(["thread", "create", "Review", "-p", "ann", "bob", "--id", "th-1"]);
  await stage.world.settle();
});
afterEach(() => stage.close());

const rouse = async (...args: string[]) => (await stage.rouse(args)).out;

describe("rouse top", () => {
  test("shows threads by state, the queue, and who needs something first", async () => {
    await stage.rouse(["thread", "post", "th-1", "Look.", "--to", "bob"]);
    await stage.world.settle();
    const reason = ["--reason", "because"];
    await stage.rouse(["participant", "block", "th-1", "ann", ...reason]);
    await stage.world.settle();
    const page = await rouse("top");
    expect(page).toMatch(/^threads +1 active$/m);
    expect(page).toMatch(/^queue +0 mail; effects /m);
    const row = page.split("\n").find((line) => line.startsWith("th-1 "));
    expect(row).toMatch(/^th-1 +ann +blocked/);
    expect(page).toContain("operator: because");
  });

  test("prints once and no escape codes where there is no terminal, also with --watch", async () => {
    const page = await rouse("top", "--watch");
    expect(page).toMatch(/^rouse w on /);
    expect(page).not.toContain("\u001b");
    expect(JSON.parse(await rouse("top", "--watch", "--json"))).toMatchObject({
      workspace: { threads: { active: 1 }, oldest_mail_at: null },
      participants: [],
      participants_complete: true,
    });
  });

  test("tells how old the oldest waiting mail is", async () => {
    await stage.rouse(["thread", "post", "th-1", "Look.", "--to", "bob"]);
    await stage.world.clock.advance(5_000);
    expect(await rouse("top")).toMatch(/^queue +\d+ mail, oldest 5s; /m);
  });
});

describe("a view that is watched", () => {
  test("is drawn over itself until q, and gives the terminal back", async () => {
    let press = (_key: string): void => {};
    let isListening = false;
    let text = "";
    const screen = {
      size: () => ({ columns: 80, rows: 3 }),
      onKey: (listener: (key: string) => void) => {
        press = listener;
        isListening = true;
        return () => (isListening = false);
      },
      onResize: () => () => {},
    };
    let looks = 0;
    await watch({ out: (more) => (text += more), screen, everyMs: 60_000 }, async () => {
      looks += 1;
      // After the frame was drawn: a key that means nothing looks again at once, q ends.
      setImmediate(() => press(looks === 1 ? "x" : "q"));
      return `look ${looks}\n`;
    });
    expect(looks).toBe(2);
    expect(text).toContain("look 2\u001b[K");
    expect(text).not.toContain("\u001b[2J");
    expect(text.endsWith("\u001b[?25h\u001b[?1049l")).toBe(true);
    expect(isListening).toBe(false);
  });

  test("never has more lines than the terminal, so that nothing scrolls", () => {
    expect(frame("a\nb\nc\nd\n", 2)).toContain("a\u001b[K\r\nb\u001b[K\u001b[J");
  });
});

test("advice names commands where people read it, and operations where programs do", async () => {
  const bob = await stage.served.token("bob");
  await stage.rouse(["thread", "post", "th-1", "Look.", "--to", "bob"]);
  await stage.world.settle();
  await stage.rouse(["participant", "block", "th-1", "bob", "--reason", "because"]);
  await stage.world.settle();
  expect(await rouse("explain", "th-1", "bob")).toContain(
    "Next: Somebody blocked it on purpose: rouse participant unblock when",
  );
  const answer = await rouse("explain", "th-1", "bob", "--json");
  expect(answer).toContain("unblock_participant when");
  expect(await rouse("explain", "th-1", "bob")).toMatch(
    /^ {2}isPaused +no +no pause of agent, thread or workspace/m,
  );
  expect(bob).not.toBe("");
});

test("a thread is escalated to a person, seen there, and let go on", async () => {
  await stage.rouse(["thread", "escalate", "th-1", "--reason", "nobody agrees"]);
  await stage.world.settle();
  const page = await rouse("escalations");
  expect(page).toMatch(/th-1 +- +operator +.*nobody agrees/);
  expect((await stage.rouse(["thread", "unblock", "th-1", "--reason", "decided"])).out).toContain(
    "is active",
  );
});
