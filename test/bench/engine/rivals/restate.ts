import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fromCallback } from "xstate";
import { participantMachine } from "../../../../machines/participant/machine.ts";
import type { ActorEvent } from "../../../../runtime/store.ts";
import { participantInput } from "../participants.ts";
import { concurrently, type ActorMail, type Contender, type ContenderOptions } from "./contender.ts";
import { load, packageFolder, versionOf } from "./install.ts";

/**
 * Restate as the README of @restatedev/xstate says: the chart becomes a virtual object, `send` is one durable invocation
 * that answers when the transition is committed. Its own server (one node, its write-ahead log synced), concurrent
 * callers. The wake itself is an actor that does nothing, so that no follow-up has to be carried at all.
 */

interface Sdk {
  serve(options: { services: unknown[]; port: number }): Promise<number>;
}

interface ObjectClient {
  create(request: { input: object }): Promise<unknown>;
  send(request: { event: object }): Promise<unknown>;
}

interface Clients {
  connect(options: { url: string }): {
    objectClient(definition: { name: string }, key: string): ObjectClient;
  };
}

const name = "participant";
const callers = 32;
const startsWithinMs = 30_000;

export async function openRestate({ actors }: ContenderOptions): Promise<Contender> {
  // Read by the SDK when it is loaded.
  process.env["RESTATE_LOGGING"] = "ERROR";
  process.env["NODE_ENV"] = "production";
  const restate = await load<Sdk>("@restatedev/restate-sdk");
  const clients = await load<Clients>("@restatedev/restate-sdk-clients");
  const { xstate } = await load<{ xstate: (path: string, chart: unknown) => unknown }>("@restatedev/xstate");
  const idle = fromCallback(() => undefined);
  const chart = participantMachine.provide({
    actors: { deliverWake: idle, resumeSession: idle, spawnSession: idle } as never,
  });
  const [service, ingress, admin, fabric] = await freePorts(4);
  await restate.serve({ services: [xstate(name, chart)], port: service ?? 0 });
  const server = startServer({ ingress: ingress ?? 0, admin: admin ?? 0, fabric: fabric ?? 0 });
  await register(`http://127.0.0.1:${admin}`, `http://127.0.0.1:${service}`);
  const client = clients.connect({ url: `http://127.0.0.1:${ingress}` });
  const object = (index: number): ObjectClient => client.objectClient({ name }, String(index));
  const indexes = Array.from({ length: actors }, (_, index) => index);
  await concurrently(indexes, callers, async (index) => {
    await object(index).create({ input: { ...participantInput(index), now: Date.now() } });
  });
  const takeOne = async ({ index, event }: ActorMail): Promise<void> => {
    await object(index).send({ event: timed(event) });
  };
  return {
    version: `${versionOf("@restatedev/restate-server")}, binding ${versionOf("@restatedev/xstate")}`,
    take: (mails) => concurrently(mails, callers, takeOne),
    takeOne,
    close: () => server.stop(),
  };
}

function timed(event: ActorEvent): object {
  return { ...event, now: Date.now() };
}

/** The ports are free at this moment; each is taken a moment later. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function startServer(ports: { ingress: number; admin: number; fabric: number }): {
  stop: () => Promise<void>;
} {
  const folder = mkdtempSync(join(tmpdir(), "rouse-restate-"));
  const program = packageFolder(`@restatedev/restate-server-${process.platform}-${process.arch}`);
  const child: ChildProcess = spawn(join(program, "bin", "restate-server"), ["--no-logo"], {
    cwd: folder,
    stdio: "ignore",
    env: {
      ...process.env,
      RESTATE_BASE_DIR: folder,
      RESTATE_BIND_IP: "127.0.0.1",
      RESTATE_LISTEN_MODE: "tcp",
      RESTATE_BIND_PORT: String(ports.fabric),
      RESTATE_ADVERTISED_HOST: "127.0.0.1",
      RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
      RESTATE_ADMIN__BIND_PORT: String(ports.admin),
      RESTATE_DISABLE_TELEMETRY: "true",
      RESTATE_LOG_FILTER: "error",
    },
  });
  process.once("exit", () => child.kill("SIGKILL"));
  return {
    async stop() {
      const exited = once(child, "exit");
      if (child.exitCode === null && child.kill("SIGTERM")) await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** As soon as the server answers. */
async function register(admin: string, uri: string): Promise<void> {
  const deadline = performance.now() + startsWithinMs;
  for (;;) {
    const answer = await fetch(`${admin}/deployments`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ uri }),
    }).catch(() => null);
    if (answer?.ok === true) return;
    if (performance.now() > deadline)
      throw new Error(`the Restate server is not ready: ${(await answer?.text()) ?? "no answer"}`);
    await pause(200);
  }
}
