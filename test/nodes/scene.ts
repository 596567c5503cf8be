import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { genericDefinitionForScriptedAgent } from "../../adapters/agents/scripted/definition.ts";
import type { NotedWake } from "../../adapters/agents/scripted/wake-log.ts";
import { endProcessesOf } from "../../api/cli/demo/leftovers.ts";
import { startEmbedded, stopEmbedded } from "../../persistence/embedded/server.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { Client } from "../load/client.ts";
import { Traffic } from "../load/traffic.ts";
import { FaultProxy } from "../network/fault-proxy.ts";
import { RouseNode } from "../network/rouse-node.ts";
import { until } from "../network/until.ts";

/** A host of ours: a node, its own cable to the database, and an agent that lives in one of its terminals. */
export interface Host {
  name: string;
  node: RouseNode;
  cable: FaultProxy;
  agent: string;
  /** Shift of its clock, as people write it; null where it goes right. */
  clock: string | null;
}

export interface Scene {
  hosts: readonly Host[];
  traffic: Traffic;
  operator: Client;
  /** Straight to the server, past the cables. */
  database: Database;
  restartDatabase: (how: "fast" | "immediate") => Promise<void>;
  notedWakes: () => NotedWake[];
  close: () => Promise<void>;
}

/** Short waits, so that every way back is taken within seconds. */
const wake = {
  quietWindowMs: 500,
  deferRecheckMs: 300,
  ackTimeoutMs: 3_000,
  retryBackoffMs: 200,
  readingMs: 3_000,
  startAckTimeoutMs: 10_000,
  wakesPerWindow: 1_000,
};
export const agentsThread = "agents";

/** @param clocks of the hosts, as `faketime -f` takes them; one host for each */
export async function openScene(clocks: readonly (string | null)[]): Promise<Scene> {
  const root = mkdtempSync(join(tmpdir(), "rouse-nodes-"));
  chmodSync(root, 0o711);
  const dir = join(root, "postgres");
  const server = await startEmbedded({ dir });
  const hosts: Host[] = [];
  for (const [index, clock] of clocks.entries()) {
    hosts.push(await openHost({ name: `h${index + 1}`, root, databaseUrl: server.url, clock }));
  }
  const urls = hosts.map(({ node }) => node.url);
  const operator = new Client(urls, hosts[0]?.node.operatorToken() ?? "");
  await launchAgents(root, hosts, operator);
  return {
    hosts,
    operator,
    traffic: new Traffic({
      operator,
      reader: (agent) => readerOf(agent, urls, operator),
      threads: 2,
      everyMs: 150,
    }),
    database: connect({ url: server.url, max: 2, deadlineMs: 10_000 }),
    async restartDatabase(how) {
      if (how === "fast") await stopEmbedded({ dir });
      else await endAtOnce(server.dataDir);
      await startEmbedded({ dir });
    },
    notedWakes: () => hosts.flatMap(({ agent }) => readNotes(join(root, "agents", agent, "wakes.jsonl"))),
    async close() {
      for (const { node, cable } of hosts) {
        node.program.signal("SIGCONT");
        await node.program.kill("SIGKILL");
        cable.close();
      }
      for (const { name } of hosts) await endProcessesOf(join(root, name));
      await stopEmbedded({ dir });
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function openHost(options: {
  name: string;
  root: string;
  databaseUrl: string;
  clock: string | null;
}): Promise<Host> {
  const { name, root, databaseUrl, clock } = options;
  const url = new URL(databaseUrl);
  const cable = await FaultProxy.listen({ host: url.hostname, port: Number(url.port) });
  url.port = String(cable.port);
  const node = new RouseNode({
    name,
    home: join(root, name),
    env: { DATABASE_URL: url.href, ...shiftedClock(clock) },
    config: { terminal: "pty", wake, wakesPerMinute: 100_000, threadWakesPerMinute: 100_000 },
  });
  await node.start();
  return { name, node, cable, agent: `sleeper-${name}`, clock };
}

/** Of three hosts, two an hour off where that can be had. */
export function clocks(say: (text: string) => void): (string | null)[] {
  if (faketimeLibrary() !== null) return [null, "+1h", "-1h"];
  say("faketime is not installed: all clocks go right (on Debian: apt-get install faketime)");
  return [null, null, null];
}

/** Only the wall clock is shifted: no clock that measures durations jumps on a real host. */
function shiftedClock(clock: string | null): NodeJS.ProcessEnv {
  const library = faketimeLibrary();
  if (clock === null || library === null) return {};
  return { LD_PRELOAD: library, FAKETIME: clock, DONT_FAKE_MONOTONIC: "1" };
}

/** The program `faketime` starts what it is given as a child of its own; its library alone leaves the process ours. */
function faketimeLibrary(): string | null {
  const asked = spawnSync("faketime", ["-f", "+0", "printenv", "LD_PRELOAD"], { encoding: "utf8" });
  return asked.status === 0 ? asked.stdout.trim() : null;
}

async function launchAgents(root: string, hosts: readonly Host[], operator: Client): Promise<void> {
  for (const { node, agent } of hosts) {
    const cwd = join(root, "agents", agent);
    mkdirSync(cwd, { recursive: true });
    const definition = genericDefinitionForScriptedAgent({
      role: "echo",
      cwd,
      thinkMs: 50,
      stateFile: join(cwd, "sessions.json"),
      logFile: join(cwd, "wakes.jsonl"),
      args: [],
    });
    const here = new Client([node.url], node.operatorToken());
    await here.call("PUT", `/v1/agents/${agent}`, { body: { kind: "generic", definition } });
    await here.call("POST", "/v1/runtimes", { body: { agent_id: agent, mode: "launch" } });
  }
  const participants = hosts.map(({ agent }) => agent);
  await operator.call("POST", "/v1/threads", {
    body: { thread_id: agentsThread, title: "Agents on three hosts", participants },
  });
}

async function readerOf(agentId: string, urls: readonly string[], operator: Client): Promise<Client> {
  const body = { agent_id: agentId, role: "participant" };
  const { token } = await operator.call<{ token: string }>("POST", "/v1/tokens", { body });
  return new Client(urls, token);
}

/** Postgres' "immediate" shutdown: no checkpoint, as in a crash. */
async function endAtOnce(dataDir: string): Promise<void> {
  const pid = Number(readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n")[0]);
  process.kill(pid, "SIGQUIT");
  await until("the database to end", 20_000, () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  });
}

function readNotes(path: string): NotedWake[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as NotedWake);
  } catch {
    return [];
  }
}
