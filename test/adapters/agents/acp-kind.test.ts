import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { isNeverTaken, isUsageLimit, reasonOf } from "../../../adapters/agents/acp/failures.ts";
import { noteWake, readWakes } from "../../../adapters/agents/acp/journal.ts";
import { permissionRequest } from "../../../adapters/agents/acp/messages.ts";
import { chosenOption } from "../../../adapters/agents/acp/permission.ts";
import { PromptQueue } from "../../../adapters/agents/acp/prompts.ts";
import { Transcript } from "../../../adapters/agents/acp/transcript.ts";
import { RpcRefusal } from "../../../adapters/agents/json-rpc.ts";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { wakeText } from "./acp-stage.ts";

const programWith = (definition: object = {}) =>
  readAgentProgram(agentKinds, "acp", { command: ["sh", "--acp"], cwd: "/", ...definition });

const identity = (changes: Partial<LaunchIdentity> = {}): LaunchIdentity => ({
  ...{
    workspaceId: "w",
    agentId: "ann",
    runtimeId: "rt-1",
    mcpUrl: "http://127.0.0.1:1/mcp",
    stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  },
  ...{ credential: { token: "secret-token" }, folder: "/run/ann", baseEnv: { PATH: "/usr/bin:/bin" } },
  ...changes,
});

describe("launching", () => {
  test("runs our host, which is told everything by one argument and the token by its environment alone", () => {
    const prompt = "a summary; $(x)\n'quoted'";
    const { argv, env } = programWith({ allow: "nothing" }).launch(
      { purpose: "spawn", sessionId: null, prompt },
      identity(),
    );
    expect(argv).toHaveLength(4);
    expect(JSON.parse(argv[3] ?? "")).toMatchObject({
      ...{ command: ["sh", "--acp"], allow: "nothing", sessionId: null, prompt },
      journalPath: "/run/ann/wakes.jsonl",
    });
    expect(argv.join(" ")).not.toContain("secret-token");
    expect(env).toMatchObject({ ROUSE_TOKEN: "secret-token", ROUSE_URL: "http://127.0.0.1:1/mcp" });
  });

  test("needs the agent's program, and a folder whose sockets have room for their names", async () => {
    await expect(
      programWith({ command: ["no-such-agent"] }).prepare?.(identity(), "/run/ann"),
    ).rejects.toMatchObject({
      code: "launch_failed",
      nextStep: expect.stringContaining("Install it") as string,
    });
    await programWith().prepare?.(identity(), "/run/ann");
    const plan = { purpose: "start", sessionId: null, prompt: null } as const;
    const deep = identity({ folder: `/${"x".repeat(100)}` });
    expect(() => programWith().launch(plan, deep)).toThrow(/socket path/);
  });

  test("refuses a definition that it does not understand", () => {
    expect(() => programWith({ allow: "some" })).toThrow(/allow/);
    expect(() => programWith({ command: [] })).toThrow(/command/);
  });
});

const request = (toolCall: object, kinds = ["allow_always", "allow_once", "reject_once"]) =>
  permissionRequest.parse({
    sessionId: "s",
    toolCall: { toolCallId: "t", ...toolCall },
    options: kinds.map((kind) => ({ optionId: kind, name: kind, kind })),
  });

describe("permission without asking", () => {
  const ours = { name: "mcp__rouse__read_messages", kind: "other" };

  test("is given to our own tools by what the program itself makes of them, never by a title", () => {
    expect(chosenOption(request(ours), "ours")).toBe("allow_once");
    expect(chosenOption(request({ toolCallId: "mcp_rouse_ack_read__1", kind: "other" }), "ours")).toBe(
      "allow_once",
    );
    expect(chosenOption(request({ title: "mcp__rouse__read_messages", kind: "other" }), "ours")).toBeNull();
    expect(chosenOption(request({ ...ours, kind: "execute" }), "ours")).toBeNull();
    expect(chosenOption(request({ ...ours, name: "mcp__rouse__x; rm" }), "ours")).toBeNull();
    expect(chosenOption(request({ toolCallId: "mcp_rouse_", kind: "other" }), "ours")).toBeNull();
  });

  test("follows the definition, and never grants more than once", () => {
    expect(chosenOption(request(ours), "nothing")).toBeNull();
    expect(chosenOption(request({ kind: "execute" }), "everything")).toBe("allow_once");
    expect(chosenOption(request(ours, ["allow_always", "reject_once"]), "everything")).toBeNull();
  });
});

describe("prompts", () => {
  test("run in order; a wake that is on its way is the same one; too many are not taken", () => {
    const queue = new PromptQueue();
    const first = queue.add("one");
    expect(queue.begin()).toBe(first);
    expect(queue.begin()).toBeNull();
    const wake = queue.add(`a summary\n\n${wakeText("th-1.ann.1")}`);
    expect(wake?.wakeId).toBe("th-1.ann.1");
    expect(queue.add(wakeText("th-1.ann.1"))).toBe(wake);
    for (let count = 0; count < 31; count += 1) expect(queue.add("more")).not.toBeNull();
    expect(queue.add("one too many")).toBeNull();
    queue.running = null;
    expect(queue.begin()).toBe(wake);
    expect(queue.add(wakeText("th-1.ann.1"))).toBe(wake);
    queue.running = null;
    // Its turn is over: who asks again wants it again.
    expect(queue.add(wakeText("th-1.ann.1"))).not.toBe(wake);
  });
});

test("the journal keeps what a crash cut off apart, and is bounded", () => {
  const folder = mkdtempSync(join(tmpdir(), "acp-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "wakes.jsonl");
  expect(readWakes(path)).toEqual([]);
  const entry = { wakeId: "w-1", event: "sent", at: 1 } as const;
  noteWake(path, entry);
  writeFileSync(path, '{"wakeId":"w-2","ev\n', { flag: "a" });
  noteWake(path, { ...entry, wakeId: "w-3" });
  expect(readWakes(path).map(({ wakeId }) => wakeId)).toEqual(["w-1", "w-3"]);
  writeFileSync(path, "x".repeat(1_100_000), { flag: "a" });
  noteWake(path, { ...entry, wakeId: "w-4" });
  noteWake(path, { ...entry, wakeId: "w-5" });
  expect(readWakes(path).map(({ wakeId }) => wakeId)).toEqual(["w-1", "w-3", "w-4", "w-5"]);
});

const hostileText = fc.string({
  unit: fc.constantFrom("a", "\n", "\r", "\t", "\u001B", "[2J", "\u202E", "\u2028", "\u0007", "\u009B", "語"),
  maxLength: 60,
});
const plainLine = /^(?: {2}|~ |> |\* |! )[^\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202E\u2028]*$/;

test("whatever an agent sends, the transcript is plain lines with a sign each, and bounded", () => {
  const kind = fc.constantFrom(
    "agent_message_chunk",
    "agent_thought_chunk",
    "user_message_chunk",
    "tool_call",
  );
  const update = fc.record({
    sessionUpdate: kind,
    title: hostileText,
    toolCallId: fc.string(),
    content: fc.record({ type: fc.constant("text"), text: hostileText }),
  });
  fc.assert(
    fc.property(fc.array(update, { maxLength: 20 }), (updates) => {
      const printed: string[] = [];
      const transcript = new Transcript((text) => printed.push(text));
      for (const each of updates) transcript.update(each);
      transcript.flush();
      const wrong = printed
        .join("\n")
        .split("\n")
        .filter((line) => line !== "" && !plainLine.test(line));
      expect(wrong).toEqual([]);
    }),
  );
});

test("what went wrong is told in the agent's words; limits and requests that never became a turn are told apart", () => {
  const error = (data: unknown, code = -32_603) => new RpcRefusal({ code, message: "Internal error", data });
  expect(reasonOf(error({ message: "no credit" }))).toBe("Internal error: no credit");
  expect(isUsageLimit(error({ codex_error_info: "usage_limit_exceeded" }))).toBe(true);
  expect(isUsageLimit(error({ errorKind: "rate_limit" }))).toBe(true);
  expect(isUsageLimit(error({ details: "got 429 Too Many Requests" }))).toBe(true);
  expect(isUsageLimit(error({ errorKind: "server_error" }))).toBe(false);
  expect(isNeverTaken(error(null, -32_602))).toBe(true);
  expect(isNeverTaken(error(null))).toBe(false);
});
