import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NodeMessage } from "../../api/node-messages.ts";
import { stopEmbedded } from "../../persistence/embedded/server.ts";

/** A node as it is deployed: a process of its own with an embedded Postgres, in a temporary home. */
export interface NodeUnderTest {
  home: string;
  pid: number;
  url: string;
  call: <Result>(method: string, path: string, body?: object) => Promise<Result>;
  /** Stops everything and removes the home. */
  remove: () => Promise<void>;
}

const program = fileURLToPath(new URL("../../api/main.ts", import.meta.url));

export async function startNode(config: object): Promise<NodeUnderTest> {
  const home = mkdtempSync(join(tmpdir(), "rouse-bench-"));
  // The database's own user must be able to pass through.
  chmodSync(home, 0o711);
  writeFileSync(join(home, "config.json"), JSON.stringify({ port: 0, ...config }));
  const log = join(home, "node.log");
  // The benchmark's own server is told by `config`: the environment would win over it.
  const { DATABASE_URL: _server, ...env } = process.env;
  const child = fork(program, ["serve"], {
    env: { ...env, ROUSE_HOME: home },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  child.stdout?.on("data", (text: Buffer) => writeFileSync(log, text, { flag: "a" }));
  const { url } = await ready(child);
  const token = readFileSync(join(home, "operator.token"), "utf8");
  return {
    home,
    pid: child.pid ?? 0,
    url,
    call: (method, path, body) => call({ url, token, method, path, body }),
    async remove() {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
      await stopEmbedded({ dir: join(home, "postgres") });
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<{ url: string }> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: NodeMessage) => {
      if (message.type === "ready") resolve(message.node);
      if (message.type === "failed") reject(new Error(`${message.code}: ${message.message}`));
    });
    child.once("exit", (code) => reject(new Error(`the node ended with ${code}`)));
  });
}

interface Call {
  url: string;
  token: string;
  method: string;
  path: string;
  body: object | undefined;
}

async function call<Result>({ url, token, method, path, body }: Call): Promise<Result> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Result;
}
