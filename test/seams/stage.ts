import { randomUUID } from "node:crypto";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { genericDefinitionForScriptedAgent } from "../../adapters/agents/scripted/definition.ts";
import type { NotedWake } from "../../adapters/agents/scripted/wake-log.ts";
import { endProcessesOf } from "../../api/cli/demo/leftovers.ts";
import { failureOf } from "../../api/cli/failure.ts";
import type { Payloads } from "../../api/cli/payloads.ts";
import { requestOperation } from "../../api/cli/request.ts";
import type { OperationName } from "../../api/cli/routes.ts";
import { operatorTokenFileName } from "../../api/node-messages.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import type { Databases, StoryDatabase } from "./databases.ts";
import { MortalNode } from "./mortal-node.ts";
import type { PlantedFault } from "./planted.ts";

/** Short waits, so that every way back is taken within seconds. */
const wake = {
  coalesceMs: 40,
  quietWindowMs: 200,
  deferRecheckMs: 200,
  ackTimeoutMs: 1_500,
  retryBackoffMs: 100,
  readingMs: 2_000,
  startAckTimeoutMs: 8_000,
};
const limits = { wakesPerMinute: 1_000, threadWakesPerMinute: 1_000 };
const retryEveryMs = 25;
const lookEveryMs = 50;

/** Lives in a terminal all the time, and answers the operator. */
export const worker = "worker";
/** Has no terminal until it is needed: each round it is brought back, and retired at the end. */
export const listener = "listener";
const agents = { [worker]: "executioner", [listener]: "echo" } as const;

/** Home, database and node of one story, and the operator's hand. */
export class Stage {
  readonly home: string;
  readonly node: MortalNode;
  readonly database: Database;
  readonly #storyDatabase: StoryDatabase;

  private constructor(parts: { home: string; node: MortalNode; storyDatabase: StoryDatabase }) {
    this.home = parts.home;
    this.node = parts.node;
    this.#storyDatabase = parts.storyDatabase;
    this.database = connect({ url: parts.storyDatabase.url, max: 2, applicationName: "seams" });
  }

  /** A node that runs, with one agent that sits idle and one that nobody started yet. */
  static async open(options: {
    databases: Databases;
    planted?: PlantedFault | null;
    terminal?: string | undefined;
  }): Promise<Stage> {
    const { databases, planted = null, terminal } = options;
    const home = await mkdtemp(join(tmpdir(), "rouse-seams-"));
    await chmod(home, 0o711);
    const config = { logLevel: "info", wake, ...limits, ...(terminal === undefined ? {} : { terminal }) };
    await writeFile(join(home, "config.json"), JSON.stringify(config));
    const storyDatabase = await databases.create();
    const node = new MortalNode({ home, databaseUrl: storyDatabase.url, planted });
    const stage = new Stage({ home, node, storyDatabase });
    try {
      await node.start();
      await stage.#castAgents();
      return stage;
    } catch (error) {
      await stage.close();
      throw error;
    }
  }

  /** Repeats the call with its key until the node answers, as a client does that lost its connection. */
  async call<Name extends OperationName>(
    name: Name,
    input: Record<string, unknown> = {},
    options: { key?: string; deadline?: AbortSignal } = {},
  ): Promise<Payloads[Name]> {
    const { key = randomUUID(), deadline = AbortSignal.timeout(60_000) } = options;
    for (;;) {
      const { url } = this.node.file;
      try {
        const token = await readFile(join(this.home, operatorTokenFileName), "utf8");
        const request = { name, input, idempotencyKey: key };
        return (await requestOperation({ url, token, node: null }, request)) as Payloads[Name];
      } catch (error) {
        const { code, retryable } = failureOf(error);
        if (!retryable && code !== "not_running") throw error;
        if (deadline.aborted) throw new Error(`${name} was not answered in time`, { cause: error });
      }
      await pause(retryEveryMs);
    }
  }

  /** Looks until it holds; the message tells what was seen last. */
  async until(holds: () => Promise<string | null>, deadline: AbortSignal): Promise<void> {
    for (;;) {
      const missing = await holds();
      if (missing === null) return;
      void this.node.file;
      if (deadline.aborted) throw new Error(`waited in vain: ${missing}`);
      await pause(lookEveryMs);
    }
  }

  /** What the agents themselves noted of the wakes that they were given. */
  async notedWakes(): Promise<NotedWake[]> {
    const files = Object.keys(agents).map((agent) => join(this.#folderOf(agent), "wakes.jsonl"));
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
    const lines = texts.flatMap((text) => text.split("\n").filter((line) => line !== ""));
    return lines.map((line) => JSON.parse(line) as NotedWake);
  }

  /** The end of the node's log, to explain a failure. */
  async log(): Promise<string> {
    return readFile(join(this.home, "node.log"), "utf8").catch(() => "");
  }

  /** Ends everything that was started here. Returns what would not end. */
  async close(): Promise<string[]> {
    await this.node.stop();
    const left = await endProcessesOf(this.home);
    await this.database.close();
    await this.#storyDatabase.drop();
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
    return left;
  }

  async #castAgents(): Promise<void> {
    for (const [agentId, role] of Object.entries(agents)) {
      const cwd = this.#folderOf(agentId);
      await mkdir(cwd, { recursive: true });
      const definition = genericDefinitionForScriptedAgent({
        role,
        cwd,
        thinkMs: 20,
        stateFile: join(cwd, "sessions.json"),
        logFile: join(cwd, "wakes.jsonl"),
        args: role === "echo" ? [] : ["--to", listener],
      });
      await this.call("register_agent", { agent_id: agentId, kind: "generic", definition });
    }
    await this.call("register_runtime", { agent_id: worker, mode: "launch" });
    const isIdle = async () => {
      const { runtimes } = await this.call("list_runtimes", { agent_id: worker });
      return runtimes.some(({ state }) => state === "idle") ? null : `${worker} is not idle`;
    };
    await this.until(isIdle, AbortSignal.timeout(30_000));
  }

  #folderOf(agentId: string): string {
    return join(this.home, "agents", agentId);
  }
}
