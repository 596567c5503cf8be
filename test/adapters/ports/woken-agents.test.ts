import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { agentKinds } from "../../../adapters/agents/registry.ts";
import { genericDefinitionForScriptedAgent } from "../../../adapters/agents/scripted/definition.ts";
import type { ScriptedRole } from "../../../adapters/agents/scripted/roles.ts";
import { createWorldPorts } from "../../../adapters/ports/create.ts";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { listen } from "../../../api/http/listen.ts";
import { buildServer } from "../../../api/http/server.ts";
import { registeredMachines } from "../../../machines/registry.ts";
import { defaultWakePolicy } from "../../../machines/participant/contract.ts";
import { defaultRuntimePolicy, type RuntimeContext } from "../../../machines/runtime/events.ts";
import { defaultThreadPolicy } from "../../../machines/thread/events.ts";
import { createMemoryDoorbell } from "../../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { systemClock, systemIds } from "../../../runtime/clock.ts";
import type { Message, WakeReceipt } from "../../../runtime/domain.ts";
import { createNode, type Node } from "../../../runtime/node.ts";
import { Registry } from "../../../runtime/registry.ts";
import type { Store } from "../../../runtime/store.ts";
import type { Terminal } from "../../../runtime/terminal.ts";

/** The whole path, from a post to the answers of agents in real terminals, over a store in memory. */
describe("agents that nobody relays for", () => {
  let folder: string;
  let store: Store;
  let terminal: Terminal;
  let node: Node;
  let server: FastifyInstance;
  let baseUrl = "";
  let operatorToken: string;
  let errors: string[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rouse-woken-"));
    errors = [];
    const clock = systemClock;
    store = createMemoryStore({ workspaceId: "w", clock });
    const tokens = await createTokenAuthority({ store, clock, ids: systemIds });
    terminal = createPtyTerminal({ folder: join(folder, "pty"), clock });
    const onError = (context: string, error: unknown) => void errors.push(`${context}: ${String(error)}`);
    node = createNode({
      nodeId: "n1",
      host: "here",
      url: "",
      store,
      doorbell: createMemoryDoorbell(),
      registry: new Registry(registeredMachines),
      clock,
      onError,
      ports: (engine) =>
        createWorldPorts({
          host: "here",
          terminals: { pty: terminal },
          launchBackend: "pty",
          kinds: agentKinds,
          agentFolders: join(folder, "agents"),
          isPaused: async () => false,
          credentials: {
            async tokenFor({ agentId, sessionId, runtimeId }) {
              const bound = sessionId ?? runtimeId;
              const request = {
                agentId,
                role: "participant" as const,
                sessionId: bound,
                lifetimeMs: 3_600_000,
              };
              return (await tokens.issue(request)).token;
            },
          },
          get mcpUrl() {
            return `${baseUrl}/mcp`;
          },
          stdioServer: { command: "rouse", args: ["mcp"], env: {} },
          baseEnv: process.env,
          clock,
          engine,
          runtimePolicy: defaultRuntimePolicy,
          quietWindowMs: 2_000,
          wakesPerMinute: { agent: 30, thread: 60 },
        }),
    });
    const policies = {
      thread: defaultThreadPolicy,
      wake: { ...defaultWakePolicy, readingMs: 2_000 },
      runtime: defaultRuntimePolicy,
    };
    const workspace = {
      engine: node.engine,
      tokens,
      policies,
      host: "here",
      checkDefinition: () => {},
      backend: "pty" as const,
      ids: systemIds,
      clock,
    };
    server = buildServer({ workspaces: [workspace], version: "test", onError });
    baseUrl = await listen(server, { bind: "127.0.0.1", port: 0 });
    const operator = { agentId: "op", role: "operator" as const, sessionId: "s", lifetimeMs: 3_600_000 };
    operatorToken = (await tokens.issue(operator)).token;
    node.start();
  });

  afterEach(async () => {
    await node.stop();
    for (const runtime of await runtimes()) {
      if (runtime.address !== null) await terminal.kill(runtime.address);
    }
    await terminal.close();
    server.server.closeAllConnections();
    await server.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(method: string, path: string, body: object): Promise<unknown> {
    const headers = { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" };
    const response = await fetch(`${baseUrl}/v1${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
    return JSON.parse(text);
  }

  async function register(agentId: string, role: ScriptedRole, crashAt?: "posted"): Promise<void> {
    const definition = genericDefinitionForScriptedAgent({
      role,
      cwd: folder,
      stateFile: join(folder, `${agentId}.json`),
      thinkMs: 20,
      ...(crashAt === undefined ? {} : { crashAt }),
    });
    await call("PUT", `/agents/${agentId}`, { kind: "generic", definition });
  }

  const launch = (agentId: string) => call("POST", "/runtimes", { agent_id: agentId, mode: "launch" });
  const post = (body: string) => call("POST", "/threads/th-1/messages", { body });

  async function runtimes(): Promise<RuntimeContext[]> {
    const { rows } = await store.listActors({ kind: "runtime", limit: 100 });
    return rows.map(
      (actor) => (JSON.parse(actor.record) as { snapshot: { context: RuntimeContext } }).snapshot.context,
    );
  }

  const messages = (): Promise<Message[]> =>
    store.transaction((tx) => tx.listMessages({ threadId: "th-1", afterSeq: 0, limit: 100 }));
  const conversation = async () => (await messages()).map(({ author, kind }) => `${author} ${kind}`);

  async function settled(): Promise<WakeReceipt[]> {
    await vi.waitUntil(
      async () => {
        const unread = await store.transaction((tx) => tx.listUnreadMembers({ limit: 10 }));
        const wakes = await store.listWakes({ threadId: "th-1", limit: 100 });
        return unread.rows.length === 0 && wakes.every(({ closedAt }) => closedAt !== null);
      },
      { timeout: 30_000, interval: 20 },
    );
    return store.listWakes({ threadId: "th-1", limit: 100 });
  }

  const until = (condition: () => Promise<boolean>) =>
    vi.waitUntil(condition, { timeout: 30_000, interval: 20 });
  const states = async () => (await runtimes()).map(({ reported }) => reported?.state);

  test("review, fix and re-review happen by wakes alone, each acknowledged", async () => {
    await register("ex", "executioner");
    await register("re", "reviewer");
    await call("POST", "/threads", { thread_id: "th-1", title: "Parser", participants: ["ex", "re"] });
    await launch("ex");
    await launch("re");
    await until(async () => (await states()).every((state) => state === "idle"));
    await post("Handle empty input");
    await until(async () => (await conversation()).includes("re decision"));
    const wakes = await settled();
    expect(await conversation()).toEqual([
      "op message",
      "ex message",
      "re finding",
      "ex message",
      "re decision",
    ]);
    expect(wakes.map(({ outcome }) => outcome)).toEqual(wakes.map(() => "read"));
    expect(errors).toEqual([]);
  }, 90_000);

  test("an agent without a session is spawned with the summary; killed halfway, it resumes and repeats nothing", async () => {
    await register("he", "helper", "posted");
    await call("POST", "/threads", { thread_id: "th-1", title: "Parser", participants: ["he"] });
    await post("What do you think?");
    await until(async () => (await conversation()).includes("he message"));
    await settled();
    expect(await conversation()).toEqual(["op message", "he message"]);
    const plans = (await runtimes()).map(({ origin }) =>
      origin.type === "launch" ? origin.plan.purpose : null,
    );
    expect(new Set(plans)).toEqual(new Set(["spawn", "resume"]));
    expect(errors).toEqual([]);
  }, 60_000);
});
