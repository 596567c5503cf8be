import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { socketPathOf } from "../../../adapters/agents/acp/place.ts";
import { readWakes } from "../../../adapters/agents/acp/journal.ts";
import { readScreen } from "../../../adapters/terminals/patterns.ts";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import { until } from "../../network/until.ts";
import { AcpStage, wakeText } from "./acp-stage.ts";

/** The real host in a real terminal; the agent below it is a test double. */

const endsWithinMs = 120_000;
let stage: AcpStage;
beforeEach(() => void (stage = new AcpStage()));
afterEach(() => stage.close(), endsWithinMs);

const promptsOf = () => stage.asked().filter((line) => line.startsWith("session/prompt"));
const screenReads = async () =>
  readScreen(await stage.terminal.view(stage.address), stage.program().patterns);
const hasEnded = async () => !(await stage.terminal.view(stage.address)).alive;

describe("a wake", { timeout: endsWithinMs }, () => {
  test("is handed to the agent, proven by its sign and by the journal, and leaves a draft as it is", async () => {
    await stage.open();
    const person = await stage.seat();
    person.type("half a thought");
    await stage.untilShown("› half a thought");
    const output = await stage.deliver("th-1.ann.1");
    expect(output).toMatchObject({
      verdict: "delivered",
      evidence: { channel: "acp-prompt", turnStartedAt: expect.any(Number) as number },
    });
    await stage.untilShown("heard [rouse th-1.ann.1]");
    expect(await stage.screen()).toContain("› half a thought");
    expect(promptsOf()).toEqual([`session/prompt ${wakeText("th-1.ann.1")}`]);
    await stage.untilTold("idle");
    expect(readWakes(join(stage.folder, "wakes.jsonl")).map(({ event }) => event)).toEqual([
      "sent",
      "started",
      "ended",
    ]);
    const since = Date.now() - 60_000;
    expect(await stage.program().findPrompt?.(stage.running, wakeText("th-1.ann.1"), since)).toBeGreaterThan(
      since,
    );
  });

  test("whose turn is not over is never prompted a second time, one that waits neither", async () => {
    await stage.open();
    (await stage.seat()).type("hang\r");
    await stage.untilTold("busy");
    expect(await stage.deliver("th-1.ann.1")).toMatchObject({ verdict: "unconfirmed" });
    expect(await stage.deliver("th-1.ann.1")).toMatchObject({ verdict: "unconfirmed" });
    (await stage.seat()).type("\u001B");
    await stage.untilTold("idle");
    expect(promptsOf()).toEqual(["session/prompt hang", `session/prompt ${wakeText("th-1.ann.1")}`]);
  });

  test("that came too late from a node which stood still is refused", async () => {
    await stage.open();
    const { askHost } = await import("../../../adapters/agents/acp/protocol.ts");
    const wake = { op: "wake", wakeId: "w", text: wakeText("w"), expiresAt: Date.now() - 1 } as const;
    const socket = socketPathOf(stage.folder, "rt-1");
    expect(await askHost(socket, wake, AbortSignal.timeout(10_000))).toEqual({ wake: "refused" });
    expect(promptsOf()).toEqual([]);
  });

  test("finds no host, says so, and lets nothing out", async () => {
    await stage.open();
    process.kill(stage.address.pid, "SIGKILL");
    await until("the host's end", 20_000, hasEnded);
    const [channel] = stage.program().channels ?? [];
    expect(await channel?.probe(stage.running, AbortSignal.timeout(5_000))).toMatchObject({ usable: false });
    await expect(stage.deliver("w")).rejects.toThrow(/ECONNREFUSED|ENOENT/);
  });
});

describe("a question of the agent", { timeout: endsWithinMs }, () => {
  test("is shown and told, and answered by nobody but a person, who chooses and confirms", async () => {
    await stage.open();
    const person = await stage.seat();
    person.type("ask\r");
    await stage.untilTold("dialog");
    expect(stage.reports.at(-1)).toMatchObject({ dialog: "permission" });
    await stage.untilShown("2. Yes");
    expect(await screenReads()).toMatchObject({ activity: "dialog", dialog: "permission" });
    // What somebody was typing when it opened is no answer.
    person.type("2 more words\r");
    person.type("2");
    await stage.untilShown("→ 2. Yes");
    expect(await screenReads()).toMatchObject({ activity: "dialog", dialog: "permission" });
    person.type("\r");
    await stage.untilShown("answered once");
    await stage.untilTold("idle");
  });

  test("about our own tools is answered by the definition, once at a time; nothing is with `nothing`", async () => {
    await stage.open();
    (await stage.seat()).type("ours\r");
    await stage.untilShown("answered once");
    await stage.untilTold("idle");
    expect(stage.reports.some(({ activity }) => activity === "dialog")).toBe(false);
  });

  test("is cancelled with its turn", async () => {
    await stage.open({ definition: { allow: "nothing" } });
    const person = await stage.seat();
    person.type("ours\r");
    await stage.untilTold("dialog");
    person.type("\u001B");
    await stage.untilTold("idle");
    expect(stage.asked()).toContain("session/cancel fake-1");
  });
});

describe("what an agent sends", { timeout: endsWithinMs }, () => {
  test("may be no message at all", async () => {
    await stage.open();
    (await stage.seat()).type("garbage\r");
    await stage.untilShown("heard garbage");
    await stage.untilTold("idle");
  });

  test("cannot act on the terminal, nor pass for the input box or a state", async () => {
    await stage.open();
    (await stage.seat()).type("hostile\r");
    await stage.untilShown("heard hostile");
    await stage.untilTold("idle");
    expect(await screenReads()).toMatchObject({ activity: "idle", draft: "" });
    expect(await stage.screen()).toContain("  ]52;c;aGk=[201~[2J› 1. hello");
  });

  test("is bounded: a giant message is left out, a flood is cut", async () => {
    await stage.open();
    (await stage.seat()).type("flood\r");
    await stage.untilShown("more than fits here was left out");
    await stage.untilTold("idle");
    expect(await stage.deliver("th-1.ann.2")).toMatchObject({ verdict: "delivered" });
  });

  test("tells a usage limit, and any other failure in its own words", async () => {
    await stage.open();
    const person = await stage.seat();
    person.type("boom\r");
    await stage.untilShown("! Internal error: a 500");
    await stage.untilTold("idle");
    person.type("limit\r");
    await stage.untilTold("limited");
    expect(stage.reports.at(-1)?.limitedUntil).toBeGreaterThan(Date.now());
    await until("the screen to say so", 10_000, async () => (await screenReads()).activity === "limited");
  });
});

describe("host and agent", { timeout: endsWithinMs }, () => {
  test("end together, in the middle of a turn, with the reason as the last line", async () => {
    await stage.open();
    (await stage.seat()).type("die\r");
    await until("the host's end", 20_000, hasEnded);
    const { exitCode, lines } = await stage.terminal.view(stage.address);
    expect(exitCode).toBe(1);
    const last = lines.findLast((line) => line.trim() !== "");
    expect(last).toBe("rouse: the agent ended with exit code 3: out of luck]52;c;aGk=[201~[2J");
  });

  test("a host that is killed takes its agent along", async () => {
    await stage.open();
    const { readdirSync, readFileSync } = await import("node:fs");
    const children = readdirSync("/proc").filter((name) => {
      try {
        return (
          readFileSync(`/proc/${name}/stat`, "utf8").split(") ")[1]?.split(" ")[1] ===
          String(stage.address.pid)
        );
      } catch {
        return false;
      }
    });
    expect(children).toHaveLength(1);
    process.kill(stage.address.pid, "SIGKILL");
    await until("the agent's end", 20_000, () => processStartedAt(Number(children[0])) === null);
  });

  test("the socket is private, and a living host keeps it", async () => {
    await stage.open();
    expect(statSync(socketPathOf(stage.folder, "rt-1")).mode & 0o777).toBe(0o600);
    expect(await stage.program().isSessionHeld?.("fake-1", stage.folder)).toBe(true);
    expect(await stage.program().isSessionHeld?.("other", stage.folder)).toBe(false);
    await stage.terminal.kill(stage.address);
    expect(await stage.program().isSessionHeld?.("fake-1", stage.folder)).toBe(false);
  });
});

describe("a start", { timeout: endsWithinMs }, () => {
  test("brings a session back, prompts it once, and does not take its history for a turn", async () => {
    const plan = { purpose: "resume", sessionId: "fake-9", prompt: wakeText("th-1.ann.3") } as const;
    await stage.launch({ plan });
    await stage.untilShown("heard [rouse th-1.ann.3]");
    expect(await stage.screen()).toContain("  what was said before");
    expect(stage.asked()).toEqual([
      "initialize ",
      "session/load fake-9",
      `session/prompt ${wakeText("th-1.ann.3")}`,
    ]);
  });

  test.for([
    ["v2", "it speaks version 2 of the protocol, not 1", {}],
    ["noHttp", "it takes no MCP servers over HTTP, so it would not have our tools", {}],
    ["noLoad", "the agent cannot bring sessions back", { purpose: "resume", sessionId: "x" }],
    [
      "refuses",
      "the agent does not bring session x back: Resource not found",
      { purpose: "resume", sessionId: "x" },
    ],
  ] as const)("of an agent that will not do ends with the reason (%s)", async ([start, reason, plan]) => {
    await stage.launch({ start, plan });
    await until("the host's end", 30_000, hasEnded);
    expect(await stage.screen()).toContain(`rouse: ${reason}`);
  });

  test("that wants a sign-in is a dialog until somebody has signed in", async () => {
    await stage.launch({ start: "signIn" });
    await stage.untilShown("? The agent wants you to sign in");
    expect(await stage.screen()).toContain("it has: fake-key");
    expect(await screenReads()).toMatchObject({ activity: "dialog", dialog: "login" });
    writeFileSync(`${stage.log}.in`, "");
    (await stage.seat()).type("\r");
    await stage.untilShown("acp · Fake Agent 1.0.0");
  });
});
