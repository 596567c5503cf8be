/**
 * Gives an ACP agent the terminal that it does not have: starts it, shows its conversation, lets a person prompt and
 * answer it, and takes wakes from our node. It ends with its agent, and its agent with it. Argument: `hostOptions`.
 */
import { type Clock, systemClock } from "../../../runtime/clock.ts";
import { InputBox } from "../face/input-box.ts";
import { AgentProcess } from "./agent-process.ts";
import { Conversation } from "./conversation.ts";
import { type HostOptions, hostOptions } from "./host-options.ts";
import { HostScreen, mostOptions } from "./host-screen.ts";
import { HostServer } from "./host-server.ts";

const clock: Clock = systemClock;
const stopsWithinMs = 700;
const mostDraft = 65_536;
const escape = "\u001B";
const endOfInput = "\u0004";

class Host {
  readonly #options: HostOptions;
  readonly #screen = new HostScreen(process.stdout);
  readonly #box = new InputBox({ enterGuardMs: 0 });
  readonly #conversation: Conversation;
  #agent: AgentProcess | null = null;
  #server: HostServer | null = null;
  #chosen: number | null = null;
  #isEnding = false;

  constructor(options: HostOptions, { ROUSE_TOKEN: token = "", ROUSE_URL: mcpUrl = "" }: NodeJS.ProcessEnv) {
    this.#options = options;
    this.#conversation = new Conversation({
      ...{ options, token, mcpUrl, clock },
      print: (text) => this.#screen.print(text),
      onChange: () => this.#show(),
    });
  }

  async run(): Promise<void> {
    process.stdin.setRawMode?.(true);
    process.stdin.setEncoding("utf8").on("data", (chunk) => this.#read(String(chunk)));
    process.stdin.on("end", () => void this.#end(0, "its terminal is gone"));
    process.stdout.on("resize", () => this.#show());
    // Whoever closes the terminal wants the agent gone, too.
    for (const signal of ["SIGHUP", "SIGTERM", "SIGINT"] as const)
      process.on(signal, () => void this.#end(129, `ended by ${signal}`));
    this.#screen.open();
    try {
      this.#server = await HostServer.open(this.#options.socketPath, this.#conversation);
      await this.#start();
    } catch (error) {
      await this.#end(1, error instanceof Error ? error.message : String(error));
    }
  }

  async #start(): Promise<void> {
    const { command, cwd } = this.#options;
    const agent = new AgentProcess(
      { command, cwd, env: process.env, clock },
      {
        onRequest: (method, params) => this.#conversation.answerRequest(method, params),
        onNotification: (method, params) => this.#conversation.hearNotification(method, params),
        onOverflow: () => this.#conversation.note("a message of the agent was too long and is left out"),
      },
    );
    this.#agent = agent;
    void agent.ended.then((reason) => (this.#agent === agent ? this.#end(1, reason) : undefined));
    await this.#conversation.open(agent.link);
  }

  /** With a new process: some agents look for a sign-in when they start. */
  async #startAgain(): Promise<void> {
    const former = this.#agent;
    this.#agent = null;
    await former?.stop(clock, stopsWithinMs);
    await this.#start();
  }

  #show(): void {
    const { state, question, signIn, agentTitle } = this.#conversation;
    if (question === null) this.#chosen = null;
    this.#screen.show({
      title: agentTitle,
      draft: this.#box.text,
      work: state.activity !== "busy" ? null : state.isOpen ? "Working (Esc cancels)" : "Starting",
      limit:
        state.limitedUntil === undefined
          ? null
          : `At its usage limit, asked again ${timeOf(state.limitedUntil)}`,
      permission: question === null ? null : { request: question, chosen: this.#chosen },
      login: signIn,
    });
    this.#server?.tell();
  }

  #read(chunk: string): void {
    if (chunk === escape) return this.#conversation.cancelTurn();
    if (chunk === endOfInput && this.#box.text === "") return void this.#end(0, "ended by a person");
    if (this.#conversation.question !== null) return this.#answer(chunk);
    if (this.#conversation.signIn !== null) return this.#signInAgain(chunk);
    for (const event of this.#box.feed(chunk, performance.now())) {
      if (event.type === "interrupted") this.#conversation.cancelTurn();
      if (event.type === "submitted" && this.#conversation.submit(event.text) === null)
        this.#conversation.note("too many prompts wait already: this one is lost");
    }
    this.#box.text = this.#box.text.slice(0, mostDraft);
    this.#show();
  }

  /** Two keys, so that a line which somebody was typing answers nothing. */
  #answer(chunk: string): void {
    const options = this.#conversation.question?.options.slice(0, mostOptions) ?? [];
    for (const key of chunk) {
      const chosen = this.#chosen === null ? undefined : options[this.#chosen];
      if (key === "\r" && chosen !== undefined) {
        this.#chosen = null;
        return this.#conversation.answer(chosen.optionId);
      }
      const number = /^[1-9]$/.test(key) ? Number(key) : 0;
      this.#chosen = number >= 1 && number <= options.length ? number - 1 : null;
    }
    this.#show();
  }

  #signInAgain(chunk: string): void {
    if (!chunk.includes("\r")) return;
    this.#startAgain().catch((error: unknown) => this.#end(1, String(error)));
  }

  async #end(exitCode: number, reason: string): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const agent = this.#agent;
    this.#agent = null;
    this.#server?.close();
    await agent?.stop(clock, stopsWithinMs);
    this.#screen.close(`rouse: ${reason}`);
    process.exit(exitCode);
  }
}

function timeOf(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

const given = process.argv[2] ?? "";
await new Host(hostOptions.parse(JSON.parse(given)), process.env).run();
