import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RouseError } from "../../../runtime/errors.ts";
import { operatorTokenFileName, type NodeFile } from "../../node-messages.ts";
import { isSameProcess } from "../node-process.ts";
import { startNode } from "../node-start.ts";
import { stopDatabase, stopNode } from "../node-stop.ts";
import type { Payloads } from "../payloads.ts";
import { requestOperation } from "../request.ts";
import type { OperationName } from "../routes.ts";
import { endProcessesOf } from "./leftovers.ts";

const nodeEndsWithinMs = 20_000;
const runtimesEndWithinMs = 5_000;

export interface StageOptions {
  /** What the node reads from its `config.json`. */
  config: object;
  onProgress?: (step: string) => void;
}

/** A temporary home with a node and a database of its own. */
export class Stage {
  readonly home: string;
  readonly #onProgress: (step: string) => void;
  #node: NodeFile | null = null;
  #token = "";

  private constructor(home: string, onProgress: (step: string) => void) {
    this.home = home;
    this.#onProgress = onProgress;
  }

  static async prepare({ config, onProgress = () => {} }: StageOptions): Promise<Stage> {
    const home = await mkdtemp(join(tmpdir(), "rouse-demo-"));
    // When root runs this, the database has another user, who must be able to pass.
    await chmod(home, 0o711);
    await writeFile(join(home, "config.json"), JSON.stringify(config));
    return new Stage(home, onProgress);
  }

  get node(): NodeFile {
    if (this.#node === null) throw new RouseError("not_running", "the demo's node does not run");
    return this.#node;
  }

  async startNode(): Promise<void> {
    const port = this.#node === null ? "0" : new URL(this.#node.url).port;
    const environment = environmentOf(this.home, port);
    this.#node = await startNode({ home: this.home, environment, onProgress: this.#onProgress });
    this.#token = await readFile(join(this.home, operatorTokenFileName), "utf8");
  }

  async call<Name extends OperationName>(
    name: Name,
    input: Record<string, unknown> = {},
  ): Promise<Payloads[Name]> {
    const { node } = this;
    const connection = { url: node.url, token: this.#token, node };
    // The node validates what it answers.
    return (await requestOperation(connection, {
      name,
      input,
      idempotencyKey: randomUUID(),
    })) as Payloads[Name];
  }

  /** Ends everything that was started here and removes the home. Returns what would not end. Idempotent. */
  async clear(): Promise<string[]> {
    if (this.#node !== null && isSameProcess(this.#node)) {
      await this.#endRuntimes().catch(() => {});
      await stopNode(this.#node, nodeEndsWithinMs).catch(() => {});
    }
    await stopDatabase(environmentOf(this.home, "0")).catch(() => {});
    const left = await endProcessesOf(this.home);
    await rm(this.home, { recursive: true, force: true, maxRetries: 5 });
    return left;
  }

  async #endRuntimes(): Promise<void> {
    const deadline = performance.now() + runtimesEndWithinMs;
    for (const asked = new Set<string>(); performance.now() < deadline; await pause(100)) {
      const { runtimes } = await this.call("list_runtimes", { limit: 100 });
      const living = runtimes.filter(({ state }) => state !== "deregistered");
      if (living.length === 0) return;
      for (const { runtime_id } of living.filter((runtime) => !asked.has(runtime.runtime_id))) {
        asked.add(runtime_id);
        await this.call("deregister_runtime", { runtime_id, reason: "the demo is over" }).catch(() => {});
      }
    }
  }
}

/** A database or a node that the caller's own settings name is none of the demo's business. */
function environmentOf(home: string, port: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("ROUSE_") && name !== "DATABASE_URL",
  );
  return { ...Object.fromEntries(own), ROUSE_HOME: home, ROUSE_PORT: port };
}
