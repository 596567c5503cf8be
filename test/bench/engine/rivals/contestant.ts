import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Answer, Question } from "./contender-process.ts";

const program = fileURLToPath(new URL("contender-process.ts", import.meta.url));
const answersWithinMs = 120_000;

const lastWords = new WeakMap<ChildProcess, string>();

/** The parent's end of a contender's process. */
export class Contestant {
  readonly name: string;
  readonly version: string;
  readonly #child: ChildProcess;

  private constructor(name: string, version: string, child: ChildProcess) {
    this.name = name;
    this.version = version;
    this.#child = child;
  }

  static async start(name: string, url: string, actors: number): Promise<Contestant> {
    const child = fork(program, [name, url, String(actors)], {
      execArgv: ["--no-deprecation"],
      // What a rival prints is no figure of ours; the end of it tells why it ended.
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    lastWords.set(child, "");
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      lastWords.set(child, `${lastWords.get(child) ?? ""}${text}`.slice(-500));
    });
    try {
      const ready = await heard(child, "ready");
      return new Contestant(name, ready.version, child);
    } catch (error) {
      child.kill("SIGTERM");
      throw error;
    }
  }

  /** `wave`: events that are submitted together, then awaited. */
  throughput(seconds: number, wave: number): Promise<Extract<Answer, { type: "throughput" }>> {
    return this.#ask({ type: "throughput", seconds, wave }, "throughput");
  }

  async latency(samples: number, { command = false } = {}): Promise<number[]> {
    return (await this.#ask({ type: "latency", samples, command }, "latency")).ms;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    await this.#ask({ type: "close" }, "closed").catch(() => this.#child.kill("SIGTERM"));
    await exited;
  }

  #ask<Type extends Answer["type"]>(
    question: Question,
    expected: Type,
  ): Promise<Extract<Answer, { type: Type }>> {
    this.#child.send(question);
    return heard(this.#child, expected);
  }
}

function heard<Type extends Answer["type"]>(
  child: ChildProcess,
  expected: Type,
): Promise<Extract<Answer, { type: Type }>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no answer in two minutes")), answersWithinMs);
    const onExit = (code: number | null): void => {
      const words = (lastWords.get(child) ?? "").trim().replaceAll(/\s+/gu, " ");
      end(() => reject(new Error(`ended with ${code}: ${words}`)));
    };
    const onMessage = (answer: Answer): void => {
      if (answer.type === "failed") end(() => reject(new Error(answer.reason)));
      else if (answer.type === expected) end(() => resolve(answer as Extract<Answer, { type: Type }>));
    };
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      child.off("exit", onExit);
      child.off("message", onMessage);
      settle();
    };
    child.on("exit", onExit);
    child.on("message", onMessage);
  });
}
