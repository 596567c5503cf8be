import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { NodeFile } from "../../api/node-messages.ts";
import type { Answer, Order } from "./node-main.ts";
import type { PlantedFault } from "./planted.ts";
import type { Passings, Trip } from "./tripwire.ts";

const program = fileURLToPath(new URL("node-main.ts", import.meta.url));
const logLines = 15;

export interface Death {
  trip: Trip;
  /** Epoch ms at which its end was noticed. */
  at: number;
}

export interface MortalNodeOptions {
  home: string;
  databaseUrl: string;
  planted: PlantedFault | null;
}

/** A node process that is started again whenever it dies where it was told to. */
export class MortalNode {
  readonly #options: MortalNodeOptions;
  readonly #log: string;
  #child: ChildProcess | null = null;
  #file: NodeFile | null = null;
  #failure: Error | null = null;
  #isStopping = false;
  /** Set while it is being killed. */
  #meanwhile: (() => Promise<void>) | null = null;
  #trip: Trip | null = null;
  #nextTrip: Trip | null = null;
  #deaths: Death[] = [];
  /** Resolves when the latest process is ready or has ended. */
  #ready: Promise<void> = Promise.resolve();

  constructor(options: MortalNodeOptions) {
    this.#options = options;
    this.#log = join(options.home, "node.log");
  }

  /** Deaths since the node was armed last. */
  get deaths(): readonly Death[] {
    return this.#deaths;
  }

  /** Where it is reached, running or not: it comes back at the same address. Throws when it failed. */
  get file(): NodeFile {
    if (this.#failure !== null) throw this.#failure;
    if (this.#file === null) throw new Error("the node was never ready");
    return this.#file;
  }

  async start(): Promise<void> {
    this.#ready = this.#run();
    await this.#ready;
    if (this.#failure !== null) throw this.#failure;
  }

  /** It dies at `trip`, and the process that follows at `nextTrip`. */
  async arm(trip: Trip | null, nextTrip: Trip | null): Promise<void> {
    this.#deaths = [];
    this.#trip = trip;
    this.#nextTrip = nextTrip;
    await this.#ask({ type: "arm", trip }, "armed");
  }

  /** Of the process that lives now; it may die while it is asked, and another comes. */
  async passings(): Promise<Passings> {
    for (;;) {
      await this.#ready;
      if (this.#failure !== null) throw this.#failure;
      const answer = await this.#ask({ type: "count" }, "passings").catch(() => null);
      if (answer !== null) return answer.passings;
    }
  }

  /**
   * As `kill -9` does at any moment; another comes at the same address, once what happens meanwhile is over. Resolves when
   * that one is ready.
   */
  async kill(meanwhile: () => Promise<void> = async () => {}): Promise<void> {
    const child = this.#child;
    if (child === null) throw new Error("the node does not run");
    this.#meanwhile = meanwhile;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
    await this.#ready;
    if (this.#failure !== null) throw this.#failure;
  }

  /** As an operator's `rouse down`: drains. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(timer);
  }

  /** Resolves when it is ready or has ended. */
  #run(): Promise<void> {
    const { home, databaseUrl, planted } = this.#options;
    const port = this.#file === null ? "0" : new URL(this.#file.url).port;
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("ROUSE_"));
    const trip = this.#trip === null ? [] : [this.#trip.seam, String(this.#trip.passing)];
    const log = openSync(this.#log, "a", 0o600);
    const child = spawn(process.execPath, ["--no-warnings", program, ...trip], {
      cwd: "/",
      env: {
        ...Object.fromEntries(own),
        ROUSE_HOME: home,
        ROUSE_PORT: port,
        DATABASE_URL: databaseUrl,
        // Every death costs a start.
        NODE_COMPILE_CACHE: join(tmpdir(), "rouse-seams-cache"),
        ...(planted === null ? {} : { SEAMS_PLANTED: planted }),
      },
      stdio: ["ignore", log, log, "ipc"],
    });
    closeSync(log);
    this.#child = child;
    return new Promise((resolve) => {
      child.on("message", (answer: Answer) => {
        if (answer.type !== "ready") return;
        this.#file = answer.node;
        resolve();
      });
      child.once("exit", (code, signal) => {
        this.#onExit(code, signal);
        resolve();
      });
    });
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#isStopping) return;
    if (this.#meanwhile !== null) {
      this.#ready = this.#meanwhile().then(() => this.#run());
      this.#meanwhile = null;
      return;
    }
    if (signal !== "SIGKILL" || this.#trip === null) {
      this.#failure = new Error(`the node ended by itself (${code ?? signal}): ${this.#lastLines()}`);
      return;
    }
    this.#deaths.push({ trip: this.#trip, at: Date.now() });
    this.#trip = this.#nextTrip;
    this.#nextTrip = null;
    this.#ready = this.#run();
  }

  #ask<Type extends Answer["type"]>(order: Order, type: Type): Promise<Extract<Answer, { type: Type }>> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      if (child === null) return reject(new Error("the node does not run"));
      const onExit = (): void => reject(new Error("the node ended before it answered"));
      const onMessage = (answer: Answer): void => {
        if (answer.type !== type) return;
        child.removeListener("message", onMessage);
        child.removeListener("exit", onExit);
        resolve(answer as Extract<Answer, { type: Type }>);
      };
      child.on("message", onMessage);
      child.once("exit", onExit);
      child.send(order);
    });
  }

  #lastLines(): string {
    return readFileSync(this.#log, "utf8").trimEnd().split("\n").slice(-logLines).join("\n");
  }
}
