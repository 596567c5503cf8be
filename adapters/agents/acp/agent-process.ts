import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { type Clock, delay } from "../../../runtime/clock.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { lineSplitter } from "../../terminals/pty/protocol.ts";
import { JsonRpcLink, type RpcHandlers } from "../json-rpc.ts";
import { parseJson } from "../parse-json.ts";

const mostErrorBytes = 4_096;
const lastWordsMs = 300;
const endsWithinMs = 2_000;

export interface AgentStart {
  command: readonly [string, ...string[]];
  cwd: string;
  env: NodeJS.ProcessEnv;
  clock: Clock;
}

export interface AgentHandlers extends RpcHandlers {
  /** A line that is too long was left out. */
  onOverflow?(): void;
}

/** The agent as a child of the host: in its process group, so that it does not outlive the terminal. */
export class AgentProcess {
  readonly link: JsonRpcLink;
  /** Resolves with one sentence when it has ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcessWithoutNullStreams;
  #errors = "";

  constructor({ command, cwd, env, clock }: AgentStart, handlers: AgentHandlers = {}) {
    const [file, ...args] = command;
    this.#child = spawn(file, args, { cwd, env, stdio: "pipe" });
    this.#child.stderr.setEncoding("utf8");
    this.#child.stderr.on("data", (text: string) => {
      this.#errors = (this.#errors + text).slice(-mostErrorBytes);
    });
    this.link = this.#connect(handlers, clock);
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(`the agent cannot be started: ${error.message}`));
      this.#child.once("exit", (code, signal) => {
        const finish = (): void => resolve(this.#reason(code, signal));
        this.#child.once("close", finish);
        // What it started may hold its output open.
        clock.after(lastWordsMs, finish);
      });
    });
  }

  /** Ends it, if need be by force. */
  async stop(clock: Clock, graceMs: number): Promise<void> {
    this.#child.stdin.end();
    this.#child.kill("SIGTERM");
    const patience = new AbortController();
    await Promise.race([this.ended, delay(clock, graceMs, patience.signal)]);
    patience.abort();
    this.#child.kill("SIGKILL");
  }

  /** One message a line. */
  #connect(handlers: AgentHandlers, clock: Clock): JsonRpcLink {
    const { stdin, stdout } = this.#child;
    const write = (message: object): void =>
      void stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
    const link = new JsonRpcLink(write, handlers);
    this.#child.on("error", (error) => link.end(error));
    // One that ended tells more by its end.
    stdin.on("error", (error) => clock.after(endsWithinMs, () => link.end(error)));
    this.#child.on("close", (code, signal) => link.end(new Error(`the agent ended with ${code ?? signal}`)));
    const split = lineSplitter(
      (line) => link.hear(parseJson(line)),
      () => handlers.onOverflow?.(),
    );
    stdout.setEncoding("utf8").on("data", split);
    return link;
  }

  #reason(code: number | null, signal: NodeJS.Signals | null): string {
    const how = code === null ? `was ended by ${signal}` : `ended with exit code ${code}`;
    const words = this.#errors
      .split("\n")
      .map(printableLine)
      .findLast((line) => line !== "");
    return `the agent ${how}${words === undefined ? "" : `: ${words.slice(0, 120)}`}`;
  }
}
