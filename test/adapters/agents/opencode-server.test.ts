import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RunningProgram, SourceReport } from "../../../adapters/agents/kind.ts";
import { findServer } from "../../../adapters/agents/opencode/server-process.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { DeliverWakeOutput } from "../../../machines/participant/ports.ts";
import { until } from "../../network/until.ts";
import { EagerClock } from "../ports/stage.ts";

const fake = join(import.meta.dirname, "../../fixtures/fake-opencode.ts");
const ours = ["--hostname", "127.0.0.1", "--port", "0"];
const session = { id: "ses_1", agent: "plan", model: { id: "m", providerID: "p", variant: "high" } };
const program = readAgentProgram(agentKinds, "opencode", { cwd: "/" });
const [channel] = program.channels ?? [];
const signal = new AbortController().signal;

let child: ChildProcess;
let children: ChildProcess[];

beforeEach(async () => {
  children = [];
  child = start([fake, ...ours]);
  await listening();
});
afterEach(() => {
  for (const { pid } of children) if (pid !== undefined) endGroup(pid);
});

function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // A test has ended it.
  }
}

function start(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  [file = "", ...before]: readonly string[] = [process.execPath],
): ChildProcess {
  const { PATH = "" } = process.env;
  const started = spawn(file, [...before, "--no-warnings", ...args], {
    env: { PATH, OPENCODE_SERVER_PASSWORD: "secret", ...env },
    stdio: "ignore",
    // A group of its own, so that what it starts ends with it.
    detached: true,
  });
  children.push(started);
  return started;
}

function listening(): Promise<{ url: string; password: string }> {
  return until("the server to listen", 30_000, () => findServer(child.pid ?? 0));
}

async function ask(method: string, body?: object): Promise<unknown> {
  const { url, password } = await listening();
  const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`;
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return (await fetch(`${url}/fake`, { method, headers: { authorization }, ...content })).json();
}

const asked = async () => (await ask("GET")) as { path: string; body: Record<string, unknown> }[];
const prompts = async () => (await asked()).filter(({ path }) => path.endsWith("/prompt_async"));

const running = (changes: Partial<RunningProgram> = {}): RunningProgram => ({
  ...{ runtimeId: "rt", agentId: "ann", sessionId: session.id, pid: child.pid ?? 0, cwd: "/", folder: "/" },
  ...changes,
});

function deliver(
  changes: Partial<RunningProgram> = {},
  beforeFirstByte = () => Promise.resolve(),
): Promise<DeliverWakeOutput | undefined> {
  const io = { beforeFirstByte, signal, clock: new EagerClock() };
  const wake = { wakeId: "th-1.ann.1", text: "[rouse th-1.ann.1] look" };
  return channel?.deliver(running(changes), wake, io) ?? Promise.resolve(undefined);
}

describe("the server of a living opencode", () => {
  test("is found by the process alone, below a wrapper, too, and not where it listens for somebody else", async () => {
    expect(await listening()).toMatchObject({ password: "secret" });
    const stranger = start([fake, "--port", "0"]);
    const wrapper = start([fake, ...ours], {}, ["sh", "-c", '"$0" "$@"; true', process.execPath]);
    await until("the wrapped one to listen", 30_000, () => findServer(wrapper.pid ?? 0));
    expect(findServer(stranger.pid ?? 0)).toBeNull();
    expect(findServer(2 ** 30)).toBeNull();
  });

  test("is used when it answers, and not when it does not listen or refuses", async () => {
    expect(await channel?.probe(running(), signal)).toEqual({ usable: true });
    expect(await channel?.probe(running({ pid: 2 ** 30 }), signal)).toMatchObject({ usable: false });
    const nobody = start([fake, ...ours], { OPENCODE_SERVER_PASSWORD: "" });
    await until("the one without a password", 30_000, () => findServer(nobody.pid ?? 0));
    await expect(channel?.probe(running({ pid: nobody.pid ?? 0 }), signal)).rejects.toThrow(/401/);
  });
});

describe("a wake as a prompt", () => {
  test("is proven by its message in the session, as the session's agent and model", async () => {
    await ask("PUT", { sessions: [session] });
    expect(await deliver()).toMatchObject({
      verdict: "delivered",
      evidence: { channel: "opencode-prompt", bytes: 23, turnStartedAt: expect.any(Number) as number },
    });
    expect(await prompts()).toMatchObject([
      {
        path: "/session/ses_1/prompt_async",
        body: {
          ...{ agent: "plan", model: { providerID: "p", modelID: "m" }, variant: "high" },
          parts: [{ type: "text", text: "[rouse th-1.ann.1] look" }],
        },
      },
    ]);
  });

  test("that is repeated is the same message, and in the same session though nobody had heard of that", async () => {
    await deliver({ sessionId: null });
    await deliver({ sessionId: null });
    const [first, again, ...more] = await prompts();
    expect(first?.body).toEqual(again?.body);
    expect([first?.path, again?.path, more.length]).toEqual([
      "/session/ses_made1/prompt_async",
      "/session/ses_made1/prompt_async",
      0,
    ]);
    const shown = (await asked()).filter(({ path }) => path === "/tui/select-session");
    expect(shown.map(({ body }) => body)).toEqual([{ sessionID: "ses_made1" }]);
  });

  test.each([
    ["that never appears in the session is unconfirmed", "lost", { verdict: "unconfirmed" }],
    ["that is refused reached nobody", "refused", { verdict: "deferred", reason: "stateUnknown" }],
  ])("%s", async (_, mode, verdict) => {
    await ask("PUT", { sessions: [session], prompts: mode });
    expect(await deliver()).toMatchObject(verdict);
  });

  test("whose connection breaks is no proof of anything", async () => {
    await ask("PUT", { sessions: [session], prompts: "broken" });
    await expect(deliver()).rejects.toThrow(/fetch failed/);
  });

  test("that is no longer wanted leaves nothing", async () => {
    const unwanted = () => Promise.reject(new Error("paused"));
    await expect(deliver({ sessionId: null }, unwanted)).rejects.toThrow("paused");
    expect(await asked()).toEqual([]);
  });
});

describe("what the program tells of itself", () => {
  let ended: AbortController;
  let reports: SourceReport[];
  let watching: Promise<void>;

  function watch(changes: Partial<RunningProgram> = {}): void {
    ended = new AbortController();
    reports = [];
    watching =
      program.observe?.(running(changes), (report) => reports.push(report), ended.signal) ??
      Promise.resolve();
    watching.catch(() => {});
  }
  const untilTold = (wanted: Partial<SourceReport>) =>
    until(JSON.stringify(wanted), 30_000, () => {
      const last = reports.at(-1);
      return (
        last !== undefined &&
        Object.entries(wanted).every(([key, value]) => last[key as keyof SourceReport] === value)
      );
    });
  /** Repeated until somebody listens. */
  const happen = (changes: object) =>
    until("an event to be heard", 30_000, async () => (await ask("PUT", changes)) === true);
  const status = (sessionID: string) => ({ event: { type: "session.status", properties: { sessionID } } });
  afterEach(async () => {
    ended.abort();
    await watching.catch(() => {});
  });

  test("is nothing at first: its server listens before its screen takes keys", async () => {
    watch({ sessionId: null });
    await untilTold({ activity: "unknown" });
    await happen({ sessions: [session], statuses: { ses_1: { type: "busy" } }, ...status("ses_1") });
    await untilTold({ activity: "busy", sessionId: "ses_1" });
    await happen({ statuses: {}, ...status("ses_1") });
    await untilTold({ activity: "idle", sessionId: "ses_1" });
  });

  test("is a dialog while it asks, and the session is not that of a sub-agent", async () => {
    watch();
    const child = { id: "ses_2", parentID: "ses_1" };
    await happen({ sessions: [session, child], permissions: [{ sessionID: "ses_2" }], ...status("ses_2") });
    await untilTold({ activity: "dialog", dialog: "permission", sessionId: "ses_1" });
    await happen({ permissions: [], questions: [{ sessionID: "ses_1" }] });
    await untilTold({ activity: "dialog", dialog: "permission" });
    await happen({ questions: [] });
    await untilTold({ activity: "idle", sessionId: "ses_1" });
  });

  test("is a limit when it will try again much later only, with that time", async () => {
    watch();
    const retryAt = (next: number) => ({ ses_1: { type: "retry", attempt: 1, message: "limit", next } });
    await happen({ statuses: retryAt(Date.now() + 2_000), ...status("ses_1") });
    await untilTold({ activity: "busy" });
    const next = Date.now() + 3_600_000;
    await happen({ statuses: retryAt(next) });
    await untilTold({ activity: "limited", limitedUntil: next });
  });

  test("is a missing sign-in until a model has answered", async () => {
    watch();
    const error = { name: "APIError", data: { message: "no", statusCode: 401 } };
    await happen({ event: { type: "session.error", properties: { sessionID: "ses_1", error } } });
    await untilTold({ activity: "dialog", dialog: "login" });
    await happen({ event: { type: "message.part.delta", properties: {} } });
    await happen(status("ses_1"));
    await untilTold({ activity: "idle" });
  });

  test("has an end when the program has one", async () => {
    watch();
    await untilTold({ activity: "unknown" });
    child.kill("SIGKILL");
    await expect(watching).rejects.toThrow(/ended|fetch failed|terminated|closed/);
  });

  const resumedAt = (launchedAt: number) => {
    const text = "[rouse th-1.ann.1] look";
    return { ROUSE_SESSION: session.id, ROUSE_FIRST_PROMPT: text, ROUSE_LAUNCHED_AT: String(launchedAt) };
  };

  test("is preceded by what it was resumed for, though a program that died has left that very message", async () => {
    child = start([fake, ...ours], resumedAt(Date.now() + 60_000));
    await listening();
    await ask("PUT", { sessions: [session] });
    await deliver();
    watch();
    await until("the prompt", 30_000, async () => (await prompts()).length === 2);
    const [first, again] = await prompts();
    expect(again?.body).toEqual(first?.body);
  });

  test("is preceded by what it was resumed for, handed in once", async () => {
    child = start([fake, ...ours], resumedAt(Date.now()));
    await listening();
    await ask("PUT", { sessions: [session, { id: "ses_2" }] });
    watch();
    await until("the prompt", 30_000, async () => (await prompts()).length > 0);
    ended.abort();
    await watching;
    // A person has begun another session meanwhile.
    watch({ sessionId: "ses_2" });
    await untilTold({ activity: "unknown" });
    expect(await prompts()).toHaveLength(1);
    await deliver();
    const [first, again] = await prompts();
    expect(again?.body).toEqual(first?.body);
  });
});
