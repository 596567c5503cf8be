import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import postgres from "postgres";
import { genericDefinitionForScriptedAgent } from "../../adapters/agents/scripted/definition.ts";
import { Stage } from "../../api/cli/demo/stage.ts";
import type { Payloads } from "../../api/cli/payloads.ts";
import { requestOperation } from "../../api/cli/request.ts";
import { embeddedStatus } from "../../persistence/embedded/server.ts";
import { until } from "../network/until.ts";

const program = fileURLToPath(new URL("../../api/cli/main.ts", import.meta.url));
/** Shorter than in earnest, so that a drill takes seconds. */
const shortWaits = {
  ...{ ackTimeoutMs: 4_000, retries: 1, quietWindowMs: 1_000, deferRecheckMs: 500, deferMaxMs: 60_000 },
  ...{ startAckTimeoutMs: 6_000, retryBackoffMs: 300 },
};

export interface Ran {
  code: number;
  output: string;
}

/** A node of its own with Postgres and terminals, and a shell in which `rouse` is this program. */
export class Site {
  readonly stage: Stage;
  /** What the runbook leaves for its reader to fill in. */
  readonly variables: Record<string, string> = {};
  readonly #undo: (() => void | Promise<void>)[] = [];

  private constructor(stage: Stage) {
    this.stage = stage;
    const bin = join(stage.home, "bin");
    mkdirSync(bin);
    writeFileSync(
      join(bin, "rouse"),
      `#!/bin/sh\nexec "${process.execPath}" --no-warnings "${program}" "$@"\n`,
    );
    chmodSync(join(bin, "rouse"), 0o755);
  }

  static async open(wake: object = {}): Promise<Site> {
    const stage = await Stage.prepare({ config: { logLevel: "info", wake: { ...shortWaits, ...wake } } });
    try {
      await stage.startNode();
      return new Site(stage);
    } catch (error) {
      await stage.clear();
      throw error;
    }
  }

  /** Done when the drill is over, last first. */
  atEnd(undo: () => void | Promise<void>): void {
    this.#undo.push(undo);
  }

  async close(): Promise<string[]> {
    for (const undo of this.#undo.toReversed()) await undo();
    return this.stage.clear();
  }

  /** Runs what stands in a runbook, as its reader would. */
  shell(script: string, timeoutMs = 60_000): Promise<Ran> {
    const own = Object.entries(process.env).filter(([name]) => !/^(?:ROUSE_|DATABASE_|npm_)/u.test(name));
    const env = {
      ...Object.fromEntries(own),
      ...this.variables,
      ROUSE_HOME: this.stage.home,
      // A node that is started again keeps its port.
      ROUSE_PORT: new URL(this.stage.node.url).port,
      PATH: `${join(this.stage.home, "bin")}:${process.env["PATH"] ?? ""}`,
    };
    return new Promise((resolve) => {
      execFile("sh", ["-c", script], { env, timeout: timeoutMs }, (error, out, err) => {
        resolve({ code: error === null ? 0 : Number(error.code ?? 1), output: `${out}${err}` });
      });
    });
  }

  /** A connection of its own to the node's database, under this name. */
  async database(applicationName: string): Promise<postgres.Sql> {
    const { url } = await embeddedStatus({ dir: join(this.stage.home, "postgres") });
    if (url === undefined) throw new Error("the database does not run");
    const sql = postgres(url, {
      max: 1,
      onnotice: () => {},
      connection: { application_name: applicationName },
    });
    this.atEnd(() => sql.end({ timeout: 1 }));
    return sql;
  }

  definition(agentId: string, command?: readonly string[]): object {
    const cwd = join(this.stage.home, "agents", agentId);
    mkdirSync(cwd, { recursive: true });
    const stateFile = join(cwd, "sessions.json");
    const sound = genericDefinitionForScriptedAgent({ role: "echo", cwd, thinkMs: 50, stateFile });
    return command === undefined ? sound : { ...sound, command: [...command] };
  }

  /** A thread with one agent. */
  async thread(threadId: string, agentId: string): Promise<void> {
    Object.assign(this.variables, { THREAD: threadId, AGENT: agentId });
    await this.stage.call("create_thread", { thread_id: threadId, title: "drill", participants: [agentId] });
  }

  /** The agent in a terminal of its own, at its prompt. */
  async launch(agentId: string): Promise<Payloads["get_runtime"]["runtime"]> {
    const definition = this.definition(agentId);
    await this.stage.call("register_agent", { agent_id: agentId, kind: "generic", definition });
    const { runtime } = await this.stage.call("register_runtime", { agent_id: agentId, mode: "launch" });
    const idle = await this.until(`${agentId} is idle`, async () => {
      const { runtime: now } = await this.stage.call("get_runtime", { runtime_id: runtime.runtime_id });
      return now.state === "idle" ? now : null;
    });
    this.variables["RUNTIME"] = runtime.runtime_id;
    return idle;
  }

  post(threadId: string): Promise<unknown> {
    return this.stage.call("post_message", { thread_id: threadId, body: "Please look." });
  }

  async attention(threadId: string, agentId: string): Promise<string | null> {
    const { participants } = await this.stage.call("get_thread", { thread_id: threadId });
    return participants.find((one) => one.agent_id === agentId)?.attention ?? null;
  }

  /** As an agent, with a token of its own. */
  async callAs(
    agentId: string,
    name: Parameters<Stage["call"]>[0],
    input: Record<string, unknown>,
  ): Promise<unknown> {
    const { token } = await this.stage.call("issue_token", { agent_id: agentId, role: "participant" });
    const { node } = this.stage;
    const connection = { url: node.url, token: token ?? "", node };
    return requestOperation(connection, { name, input, idempotencyKey: randomUUID() });
  }

  until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
    return until(what, 120_000, look);
  }
}
