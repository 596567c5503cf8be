import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";
import { until } from "./until.ts";

export interface RouseNodeOptions {
  name: string;
  /** Its home; made here. */
  home: string;
  env: NodeJS.ProcessEnv;
  config?: object;
}

/** A node as it is deployed: `serve` in a process of its own. */
export class RouseNode {
  readonly name: string;
  readonly #options: RouseNodeOptions;
  #program: Program | null = null;
  #url = "";

  constructor(options: RouseNodeOptions) {
    this.name = options.name;
    this.#options = options;
    mkdirSync(options.home, { recursive: true });
    this.#configure(0);
  }

  get url(): string {
    return this.#url;
  }

  get program(): Program {
    if (this.#program === null) throw new Error(`${this.name} was not started`);
    return this.#program;
  }

  /** A fresh operator's token, as the node writes it into its home. */
  operatorToken(): string {
    return readFileSync(join(this.#options.home, "operator.token"), "utf8");
  }

  async start(): Promise<void> {
    const { home, env } = this.#options;
    const program = Program.start(this.name, [process.execPath, main, "serve"], {
      log: join(home, "node.log"),
      env: { ...env, ROUSE_HOME: home },
    });
    this.#program = program;
    this.#url = await until(`${this.name} to serve`, 60_000, () => {
      if (!program.lives)
        throw new Error(`${this.name} ended: ${readFileSync(join(home, "node.log"), "utf8")}`);
      return servedUrl(join(home, "node.json"), program.pid);
    });
    // Agents know their endpoint by its port: started again, the node must be found there.
    this.#configure(Number(new URL(this.#url).port));
  }

  #configure(port: number): void {
    const { name, home, config } = this.#options;
    writeFileSync(join(home, "config.json"), JSON.stringify({ port, host: name, ...config }));
  }
}

const main = fileURLToPath(new URL("../../api/main.ts", import.meta.url));

function servedUrl(path: string, pid: number): string | null {
  const file = JSON.parse(readFileSync(path, "utf8")) as { url: string; pid: number };
  return file.pid === pid ? file.url : null;
}
