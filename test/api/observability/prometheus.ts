import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../../network/until.ts";

/** Prometheus' own programs, where this machine has them (Debian: prometheus). */
export const has = (program: "prometheus" | "promtool"): boolean =>
  spawnSync(program, ["--version"]).status === 0;

export function promtool(...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

interface Answer {
  status: string;
  data?: { result: { value: [number, string] }[] };
}

/** A server of its own that scrapes one node each second, with rules. */
export class Prometheus {
  readonly #url: string;
  readonly #end: () => Promise<void>;

  private constructor(url: string, end: () => Promise<void>) {
    this.#url = url;
    this.#end = end;
  }

  static async start({ target, rules }: { target: string; rules: string }): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), "rouse-prometheus-"));
    const config = {
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [rules],
      scrape_configs: [{ job_name: "rouse", static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML, too.
    writeFileSync(join(folder, "prometheus.yml"), JSON.stringify(config));
    const address = `127.0.0.1:${await freePort()}`;
    const server = spawn(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=${address}`,
      ],
      { stdio: "ignore" },
    );
    const prometheus = new Prometheus(`http://${address}`, async () => {
      const exited = once(server, "exit");
      if (server.exitCode === null) server.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    });
    await until(
      "Prometheus to scrape the node",
      60_000,
      async () => (await prometheus.values("up"))[0] === 1,
    );
    return prometheus;
  }

  /** Values of all series that the query gives now. Throws what Prometheus objects to. */
  async values(query: string): Promise<number[]> {
    const { status, data } = await this.#ask<Answer>(`query?query=${encodeURIComponent(query)}`);
    if (status !== "success" || data === undefined) throw new Error(`refused: ${query}`);
    return data.result.map(({ value }) => Number(value[1]));
  }

  /** Name and health of each rule, as the server evaluates it. */
  async rules(): Promise<{ name: string; health: string }[]> {
    interface Rules {
      data: { groups: { rules: { name: string; health: string }[] }[] };
    }
    const { data } = await this.#ask<Rules>("rules");
    return data.groups.flatMap(({ rules }) => rules);
  }

  close(): Promise<void> {
    return this.#end();
  }

  async #ask<Result>(path: string): Promise<Result> {
    return (await (await fetch(`${this.#url}/api/v1/${path}`)).json()) as Result;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
