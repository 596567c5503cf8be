import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { genericDefinitionForScriptedAgent } from "../../../adapters/agents/scripted/definition.ts";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import type { NodeFile, NodeMessage } from "../../../api/node-messages.ts";
import { systemClock } from "../../../runtime/clock.ts";

const program = fileURLToPath(new URL("../../../api/main.ts", import.meta.url));

export interface RealNodeOptions {
  databaseUrl: string;
  workspace: string;
  config?: object;
  environment?: NodeJS.ProcessEnv;
}

/** A node as `rouse up` starts it: a process of its own whose output is `<home>/node.log`. */
export class RealNode {
  readonly home: string;
  readonly file: NodeFile;
  readonly #child: ChildProcess;

  constructor(home: string, file: NodeFile, child: ChildProcess) {
    this.home = home;
    this.file = file;
    this.#child = child;
  }

  static async start(options: RealNodeOptions): Promise<RealNode> {
    const home = mkdtempSync(join(tmpdir(), "rouse-observed-"));
    chmodSync(home, 0o711);
    return RealNode.startIn(home, options);
  }

  /** In a home that another node may have left. */
  static async startIn(home: string, options: RealNodeOptions): Promise<RealNode> {
    const { databaseUrl, workspace, config = {}, environment = {} } = options;
    writeFileSync(join(home, "config.json"), JSON.stringify({ port: 0, terminal: "pty", ...config }));
    const log = openSync(join(home, "node.log"), "a", 0o600);
    const child = fork(program, ["serve"], {
      execArgv: ["--no-warnings"],
      env: {
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        ROUSE_HOME: home,
        ROUSE_WORKSPACE: workspace,
        ROUSE_HOST: "here",
        DATABASE_URL: databaseUrl,
        ...environment,
      },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    return new RealNode(home, await ready(child), child);
  }

  get operatorToken(): string {
    return readFileSync(join(this.home, "operator.token"), "utf8").trim();
  }

  async call<Result = Record<string, unknown>>(
    method: string,
    path: string,
    {
      body,
      token = this.operatorToken,
      headers = {},
    }: { body?: object; token?: string; headers?: object } = {},
  ): Promise<Result> {
    const response = await fetch(`${this.file.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return (await response.json()) as Result;
  }

  async tokenFor(agentId: string, role = "participant"): Promise<string> {
    const body = { agent_id: agentId, role, session_id: `s-${agentId}` };
    return (await this.call<{ token: string }>("POST", "/v1/tokens", { body })).token;
  }

  /** Launches a scripted agent and waits until it waits for input. */
  async launch(agentId: string, env: Record<string, string> = {}): Promise<void> {
    const stateFile = join(this.home, `${agentId}.state.json`);
    const definition = genericDefinitionForScriptedAgent({ role: "echo", cwd: this.home, stateFile });
    const own = { ...definition, env: { ...definition.env, ...env } };
    await this.call("PUT", `/v1/agents/${agentId}`, { body: { kind: "generic", definition: own } });
    await this.call("POST", "/v1/runtimes", {
      body: { agent_id: agentId, runtime_id: agentId, mode: "launch" },
    });
    await until(`${agentId} idle`, async () => (await this.#stateOf(agentId)) === "idle");
  }

  async #stateOf(runtimeId: string): Promise<unknown> {
    const { runtime } = await this.call<{ runtime?: { state: string } }>("GET", `/v1/runtimes/${runtimeId}`);
    return runtime?.state;
  }

  metrics(): Promise<string> {
    return fetch(`${this.file.url}/metrics`).then((response) => response.text());
  }

  log(): string {
    return readFileSync(join(this.home, "node.log"), "utf8");
  }

  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  /** Ends the node and whatever agents it launched, also after a test that failed, and removes the home. */
  async remove(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await exited;
    }
    const terminal = createPtyTerminal({ folder: join(this.home, "terminals", "pty"), clock: systemClock });
    for (const { address } of await terminal.listLaunched()) await terminal.kill(address);
    await terminal.close();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }

  async end(runtimeId: string): Promise<void> {
    await this.call("POST", `/v1/runtimes/${runtimeId}/stop`, { body: { reason: "the test is over" } });
    await until(`${runtimeId} stopped`, async () => (await this.#stateOf(runtimeId)) === "deregistered");
  }
}

function ready(child: ChildProcess): Promise<NodeFile> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: NodeMessage) => {
      if (message.type === "ready") resolve(message.node);
      if (message.type === "failed") reject(new Error(`${message.code}: ${message.message}`));
    });
    child.once("exit", (code) => reject(new Error(`the node ended with ${code}`)));
  });
}

/** Looks again until it is so; fails by its name. */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(50);
  }
}
