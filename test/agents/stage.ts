import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { createPtyTerminal } from "../../adapters/terminals/pty/terminal.ts";
import { createTmuxTerminal } from "../../adapters/terminals/tmux/terminal.ts";
import { endProcessesOf } from "../../api/cli/demo/leftovers.ts";
import { failureOf } from "../../api/cli/failure.ts";
import type { Payloads } from "../../api/cli/payloads.ts";
import { requestOperation } from "../../api/cli/request.ts";
import type { OperationName } from "../../api/cli/routes.ts";
import { operatorTokenFileName } from "../../api/node-messages.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import { until } from "../network/until.ts";
import type { Databases, StoryDatabase } from "../seams/databases.ts";
import { MortalNode } from "../seams/mortal-node.ts";
import type { Casting, PlayedKind } from "./kinds/kind.ts";
import { ModelServer } from "./model-server/server.ts";
import { diligent, type Rule } from "./model-server/script.ts";
import { Player } from "./player.ts";

export const backends = ["tmux", "pty"] as const;
export type Backend = (typeof backends)[number];

/** A person's pauses are short here; real programs get the time that they need, on a slow and busy machine, too. */
const wakePolicy = {
  ...{ coalesceMs: 500, quietWindowMs: 3_000, deferRecheckMs: 300, deferMaxMs: 120_000 },
  ...{ ackTimeoutMs: 90_000, retries: 1, retryBackoffMs: 500, readingMs: 60_000, startAckTimeoutMs: 120_000 },
  wakesPerWindow: 1_000,
  wakeAtLimitReset: true,
};
const answersWithinMs = 120_000;

export interface StageOptions {
  kind: PlayedKind;
  backend: Backend;
  /** Path of the installed program. */
  program: string;
  databases: Databases;
  /** What differs from the policy that scenarios are played with. */
  wake?: { ackTimeoutMs: number };
}

/** A node with a database, a scripted model, and real programs of one kind in terminals of one backend. */
export class Stage {
  readonly kind: PlayedKind;
  readonly model: ModelServer;
  readonly node: MortalNode;
  /** The node's terminals, seen from here. */
  readonly terminal: Terminal;
  readonly #home: string;
  readonly #options: StageOptions;
  readonly #storyDatabase: StoryDatabase;
  readonly #players: Player[] = [];

  private constructor(
    options: StageOptions,
    parts: { home: string; model: ModelServer; storyDatabase: StoryDatabase },
  ) {
    this.kind = options.kind;
    this.#options = options;
    this.#home = parts.home;
    this.#storyDatabase = parts.storyDatabase;
    this.model = parts.model;
    this.node = new MortalNode({ home: parts.home, databaseUrl: parts.storyDatabase.url, planted: null });
    const create = options.backend === "tmux" ? createTmuxTerminal : createPtyTerminal;
    this.terminal = create({ folder: join(parts.home, "terminals", options.backend), clock: systemClock });
  }

  static async open(options: StageOptions): Promise<Stage> {
    const home = await mkdtemp(join(tmpdir(), "rouse-agents-"));
    await chmod(home, 0o711);
    const limits = { wakesPerMinute: 1_000, threadWakesPerMinute: 1_000 };
    const config = {
      logLevel: "info",
      terminal: options.backend,
      wake: { ...wakePolicy, ...options.wake },
      ...limits,
    };
    await writeFile(join(home, "config.json"), JSON.stringify(config));
    const [model, storyDatabase] = await Promise.all([ModelServer.open(), options.databases.create()]);
    const stage = new Stage(options, { home, model, storyDatabase });
    try {
      await stage.node.start();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  get backend(): Backend {
    return this.#options.backend;
  }

  /** Repeats the call with its key until the node answers: it may die at any time. */
  async call<Name extends OperationName>(
    name: Name,
    input: Record<string, unknown> = {},
  ): Promise<Payloads[Name]> {
    return this.#ask(name, input, () => readFile(join(this.#home, operatorTokenFileName), "utf8"));
  }

  /** As the player's own program would. */
  async callAs<Name extends OperationName>(
    { agentId }: Player,
    name: Name,
    input: Record<string, unknown>,
  ): Promise<Payloads[Name]> {
    const { token } = await this.call("issue_token", { agent_id: agentId, role: "participant" });
    return this.#ask(name, input, () => Promise.resolve(token ?? ""));
  }

  async #ask<Name extends OperationName>(
    name: Name,
    input: Record<string, unknown>,
    getToken: () => Promise<string>,
  ): Promise<Payloads[Name]> {
    const idempotencyKey = randomUUID();
    const answered = await until(`${name} to be answered`, answersWithinMs, async () => {
      try {
        const connection = { url: this.node.file.url, token: await getToken(), node: null };
        return { payload: await requestOperation(connection, { name, input, idempotencyKey }) };
      } catch (error) {
        const { code, retryable } = failureOf(error);
        return retryable || code === "not_running" ? null : { error };
      }
    });
    if ("error" in answered) throw answered.error;
    return answered.payload as Payloads[Name];
  }

  /** An agent with a folder, a home and a model of its own; not started yet. */
  async cast(
    agentId: string,
    options: { rules?: readonly Rule[]; asks?: Partial<Casting["asks"]> } = {},
  ): Promise<Player> {
    const [cwd, home] = [join(this.#home, "projects", agentId), join(this.#home, "homes", agentId)];
    await Promise.all([cwd, home].map((folder) => mkdir(folder, { recursive: true })));
    this.model.instruct(agentId, options.rules ?? diligent());
    const { program } = this.#options;
    const asks = { permission: false, trust: false, ...options.asks };
    const { model, kind } = this;
    const definition = await kind.define({ agentId, program, cwd, home, modelUrl: model.url, asks });
    await this.call("register_agent", { agent_id: agentId, kind: kind.kind ?? kind.name, definition });
    const player = new Player(this, { agentId, cwd });
    this.#players.push(player);
    return player;
  }

  /** Cast, launched, and at its prompt. */
  async idlePlayer(agentId: string, options: Parameters<Stage["cast"]>[1] = {}): Promise<Player> {
    const player = await this.cast(agentId, options);
    await player.launch();
    await player.untilState("idle");
    return player;
  }

  async openThread(threadId: string, players: readonly Player[]): Promise<void> {
    const participants = players.map(({ agentId }) => agentId);
    await this.call("create_thread", { thread_id: threadId, title: threadId, participants });
  }

  /** How the players of the scenario were reached, by the receipts of their wakes. */
  async channels(): Promise<string[]> {
    const found = this.#players.map(async ({ agentId }) => {
      const { wakes } = await this.call("list_wakes", { agent_id: agentId });
      return wakes.flatMap(({ effects }) => effects.flatMap(channelOf));
    });
    return [...new Set((await Promise.all(found)).flat())];
  }

  /** Ends the players of one scenario. */
  async clear(): Promise<void> {
    for (const player of this.#players.splice(0)) {
      await player.leaveAll();
      for (const runtime_id of await this.#livingRuntimes(player)) {
        await this.call("deregister_runtime", { runtime_id, reason: "the scenario is over" });
      }
    }
  }

  async #livingRuntimes({ agentId }: Player): Promise<string[]> {
    const { runtimes } = await this.call("list_runtimes", { agent_id: agentId });
    return runtimes.filter(({ state }) => state !== "deregistered").map(({ runtime_id }) => runtime_id);
  }

  /** Screens, requests and the node's last words, to explain a failure. */
  async describe(): Promise<string> {
    const parts = this.#players.map(async (player) => {
      const requests = this.model.requestsOf(player.agentId).map(({ newest, state }) => {
        return `${state} ${newest.role}: ${newest.text.slice(0, 160).replaceAll("\n", " ")}`;
      });
      return [
        ...[`--- ${player.agentId}`, await player.screen()],
        ...requests,
        ...(await this.#receiptsOf(player).catch(() => [])),
      ].join("\n");
    });
    const log = await readFile(join(this.#home, "node.log"), "utf8").catch(() => "");
    return [...(await Promise.all(parts)), "--- node", ...log.trimEnd().split("\n").slice(-15)].join("\n");
  }

  async #receiptsOf({ agentId }: Player): Promise<string[]> {
    const { wakes } = await this.call("list_wakes", { agent_id: agentId });
    return wakes.flatMap(({ wake_id, effects }) => {
      return effects.map(({ port, outcome }) => `${wake_id} ${port}: ${JSON.stringify(outcome)}`);
    });
  }

  /** Ends everything that was started here. Returns what would not end. */
  async close(): Promise<string[]> {
    for (const player of this.#players) await player.leaveAll();
    await this.terminal.close().catch(() => {});
    await this.node.stop();
    const left = await endProcessesOf(this.#home);
    await this.model.close();
    await this.#storyDatabase.drop();
    await rm(this.#home, { recursive: true, force: true, maxRetries: 5 });
    return left;
  }
}

const receipt = z.object({
  verdict: z.string(),
  evidence: z.object({ channel: z.string() }).optional(),
});

function channelOf({ port, outcome }: { port: string; outcome?: unknown }): string[] {
  const { data } = receipt.safeParse(outcome);
  if (data?.evidence !== undefined) return [data.evidence.channel];
  return data?.verdict === "started" ? [port] : [];
}
