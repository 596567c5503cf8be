import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "./until.ts";

/**
 * A network of our own, made of Linux network namespaces: a hub with a bridge, in which this process runs, and hosts on
 * it that can be cut off. What is cut off hears nothing and gets no refusal, as behind a broken switch. Needs root and
 * iproute2.
 */
export class Network {
  readonly #hub: string;
  readonly #hosts: Host[] = [];

  private constructor(hub: string) {
    this.#hub = hub;
  }

  /** The network in whose hub this process was started by `runInHub`; null elsewhere. */
  static ofThisProcess(): Network | null {
    const hub = process.env[hubVariable];
    if (hub === undefined) return null;
    ip("-n", hub, "link", "add", "bridge", "type", "bridge");
    ip("-n", hub, "addr", "add", `${subnet}.1/24`, "dev", "bridge");
    for (const link of ["bridge", "lo"]) ip("-n", hub, "link", "set", link, "up");
    return new Network(hub);
  }

  /** Plugs in one of the hosts that `runInHub` was told. */
  addHost(name: string): Host {
    const hub = this.#hub;
    const namespace = namespaceOf(hub, name);
    const device = `to-${name}`;
    const address = `${subnet}.${11 + this.#hosts.length}`;
    ip("-n", hub, "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", namespace);
    ip("-n", hub, "link", "set", device, "master", "bridge", "up");
    ip("-n", namespace, "addr", "add", `${address}/24`, "dev", "eth0");
    for (const inside of ["eth0", "lo"]) ip("-n", namespace, "link", "set", inside, "up");
    const host = new Host({ hub, namespace, device, address });
    this.#hosts.push(host);
    return host;
  }

  /** Kills everything in it but this process. */
  endOthers(): void {
    const pids = [this.#hub, ...this.#hosts.map(({ namespace }) => namespace)].flatMap(pidsIn);
    for (const pid of pids) if (pid !== process.pid) killQuietly(pid);
  }
}

/**
 * Runs a program of ours in the hub of a network of its own. When it has ended, however it ended, everything that still
 * runs in the network is killed, and the network removed. A signal to us is passed on: the program says its last words first.
 */
export async function runInHub(
  program: string,
  args: readonly string[],
  hosts: readonly string[],
): Promise<number> {
  const hub = `rouse${process.pid}`;
  // Made here, because a namespace made in the hub is seen by nobody outside of it.
  const namespaces = [hub, ...hosts.map((name) => namespaceOf(hub, name))];
  for (const namespace of namespaces) ip("netns", "add", namespace);
  const command = ["netns", "exec", hub, process.execPath, program, ...args];
  const child = spawn("ip", command, { stdio: "inherit", env: { ...process.env, [hubVariable]: hub } });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of passedSignals) process.on(signal, pass);
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    return code ?? 1;
  } finally {
    for (const signal of passedSignals) process.off(signal, pass);
    await until("everything in the network to end", 10_000, () => {
      const pids = namespaces.flatMap(pidsIn);
      for (const pid of pids) killQuietly(pid);
      return pids.length === 0;
    });
    for (const namespace of namespaces) ip("netns", "del", namespace);
  }
}

function namespaceOf(hub: string, host: string): string {
  return `${hub}-${host}`;
}

const hubVariable = "ROUSE_TEST_HUB";
const passedSignals = ["SIGINT", "SIGTERM"] as const;

interface HostOptions {
  hub: string;
  namespace: string;
  /** The hub's end of the cable. */
  device: string;
  address: string;
}

export class Host {
  readonly address: string;
  readonly namespace: string;
  readonly #options: HostOptions;

  constructor(options: HostOptions) {
    this.address = options.address;
    this.namespace = options.namespace;
    this.#options = options;
  }

  /** The command line that runs a program on this host; the process keeps the id that it was started with. */
  run(program: string, ...args: readonly string[]): string[] {
    return ["ip", "netns", "exec", this.namespace, program, ...args];
  }

  /** Process ids of everything that runs on it. */
  pids(): number[] {
    return pidsIn(this.namespace);
  }

  /** As when the machine loses power: everything on it is gone at once. */
  kill(): void {
    for (const pid of this.pids()) killQuietly(pid);
  }

  cut(): void {
    ip("-n", this.#options.hub, "link", "set", this.#options.device, "down");
  }

  heal(): void {
    ip("-n", this.#options.hub, "link", "set", this.#options.device, "up");
  }
}

function pidsIn(namespace: string): number[] {
  const text = execFileSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It was gone already.
  }
}

const subnet = "10.77.0";

/** Why such a network cannot be made here, or null. */
export function networkMissing(): string | null {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  try {
    const name = `rouse${process.pid}-try`;
    ip("netns", "add", name);
    ip("netns", "del", name);
    return null;
  } catch (error) {
    return `network namespaces cannot be made here (${error instanceof Error ? error.message.trim() : String(error)})`;
  }
}

function ip(...args: readonly string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}
