/**
 * A small scripted agent: an interactive terminal program that speaks MCP over HTTP like the real ones, with a script
 * in place of a model. The demo and the tests run it; nothing else depends on it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { InputBox } from "../face/input-box.ts";
import { readOptions, type ScriptedOptions } from "./options.ts";
import { countPointers, missingPosts, type Pointer, readPointer } from "./roles.ts";
import { type Dialog, Screen } from "./screen.ts";
import { openSession, type OpenSession } from "./sessions.ts";
import { noteWake } from "./wake-log.ts";
import { ThreadTools, ToolRefused } from "./thread-tools.ts";

/** A node that was killed is back within this time, or a person looks. */
const serverPatienceMs = 60_000;

class ScriptedAgent {
  readonly #options: ScriptedOptions;
  readonly #session: OpenSession;
  readonly #screen = new Screen(process.stdout);
  readonly #box: InputBox;
  #dialog: Dialog | null = null;
  #turns: Promise<void> = Promise.resolve();

  constructor(options: ScriptedOptions) {
    this.#options = options;
    this.#session = openSession(options);
    this.#box = new InputBox({ enterGuardMs: options.enterGuardMs });
  }

  run(): void {
    process.stdin.setRawMode(true).setEncoding("utf8");
    process.stdin.on("data", (chunk) => this.#read(String(chunk)));
    process.stdin.on("end", () => this.#quit(0));
    process.stdout.on("resize", () => this.#screen.show({}));
    this.#screen.open();
    const { sessionId, runs } = this.#session;
    this.#screen.print(
      `scripted agent ${this.#options.agentId} (${this.#options.role}), session ${sessionId}, run ${runs}`,
    );
    this.#takeTurn(() => this.#withTools((tools) => tools.heartbeat(sessionId)));
    if (this.#options.prompt !== null) this.#submit(this.#options.prompt);
    const { thread } = this.#options;
    if (thread !== null) this.#takeTurn(() => this.#attend(thread));
  }

  #read(chunk: string): void {
    if (this.#dialog !== null) return this.#answerDialog(chunk);
    for (const event of this.#box.feed(chunk, performance.now())) {
      if (event.type === "interrupted") return this.#quit(130);
      this.#screen.show({ draft: this.#box.text });
      if (event.type === "submitted") this.#submit(event.text);
    }
  }

  #answerDialog(keys: string): void {
    if (!/[\ryn]/.test(keys)) return;
    this.#screen.print(`${this.#dialog} dialog answered with ${JSON.stringify(keys)}`);
    this.#dialog = null;
    this.#screen.show({ dialog: null });
  }

  #submit(text: string): void {
    this.#screen.print(text);
    const [command = "", argument = ""] = text.trim().split(" ");
    if (command.startsWith("/")) return this.#obey(command, argument);
    const pointer = readPointer(text);
    if (pointer !== null) this.#note(pointer, countPointers(text));
    this.#takeTurn(async () => {
      await pause(this.#options.thinkMs);
      if (pointer === null) return this.#screen.print("nothing to do");
      await this.#attend(pointer.threadId);
    });
  }

  #note({ wakeId, threadId }: Pointer, pointers: number): void {
    const { agentId, logFile } = this.#options;
    const { sessionId, runs } = this.#session;
    if (logFile !== null) noteWake(logFile, { wakeId, threadId, agentId, sessionId, run: runs, pointers });
  }

  /** Commands for tests and for showing what a real agent may do. */
  #obey(command: string, argument: string): void {
    switch (command) {
      case "/exit":
        return this.#quit(Number(argument));
      case "/crash":
        return crash();
      case "/busy":
        return this.#takeTurn(() => pause(Number(argument)));
      case "/limited":
        return this.#screen.show({ isLimited: argument !== "off" });
      case "/dialog":
        this.#dialog = argument as Dialog;
        return this.#screen.show({ dialog: this.#dialog });
      default:
        return this.#screen.print(`unknown command ${command}`);
    }
  }

  /** One after the other; what is submitted during a turn runs after it. */
  #takeTurn(turn: () => Promise<void>): void {
    this.#turns = this.#after(this.#turns, turn);
  }

  async #after(former: Promise<void>, turn: () => Promise<void>): Promise<void> {
    await former;
    this.#screen.show({ isBusy: true });
    try {
      await turn();
    } catch (error) {
      this.#screen.print(`failed: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.#screen.show({ isBusy: false });
  }

  async #attend(threadId: string): Promise<void> {
    const { agentId, role, to } = this.#options;
    await this.#withTools(async (tools) => {
      await tools.heartbeat(this.#session.sessionId);
      const messages = await tools.readAll(threadId);
      this.#crashAt("read");
      for (const post of missingPosts(role, agentId, messages)) {
        await tools.post(threadId, { ...post, to }, `${threadId}.${post.inReplyTo}.${role}`);
        this.#screen.print(`${post.kind}: ${post.body}`);
      }
      this.#crashAt("posted");
      const last = messages.at(-1)?.seq;
      if (last !== undefined) await tools.ack(threadId, last);
      this.#screen.print(`read thread ${threadId} up to ${last ?? 0}`);
    });
  }

  /** Every call is idempotent, so a turn that lost its server starts over. */
  async #withTools(work: (tools: ThreadTools) => Promise<void>): Promise<void> {
    const deadline = performance.now() + serverPatienceMs;
    for (let waitMs = 200; ; waitMs = Math.min(2 * waitMs, 2_000)) {
      try {
        await using tools = await ThreadTools.connect(this.#options.url, this.#options.token);
        await work(tools);
        return;
      } catch (error) {
        if (error instanceof ToolRefused || performance.now() > deadline) throw error;
        await pause(waitMs);
      }
    }
  }

  #crashAt(point: ScriptedOptions["crashAt"]): void {
    if (this.#options.crashAt === point && this.#options.resume === null) crash();
  }

  #quit(exitCode: number): void {
    this.#screen.close();
    process.exit(exitCode);
  }
}

function crash(): void {
  process.kill(process.pid, "SIGKILL");
}

function main(): void {
  if (!process.stdin.isTTY) throw new Error("the scripted agent needs a terminal");
  new ScriptedAgent(readOptions(process.argv.slice(2), process.env)).run();
}

try {
  main();
} catch (error) {
  process.stderr.write(`scripted agent: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
