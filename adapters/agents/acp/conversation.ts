import type { Clock } from "../../../runtime/clock.ts";
import { RpcRefusal, unknownMethod, type JsonRpcLink } from "../json-rpc.ts";
import { isNeverTaken, isUsageLimit, reasonOf } from "./failures.ts";
import type { HostOptions } from "./host-options.ts";
import { noteWake, type JournalEntry } from "./journal.ts";
import { permissionRequest, type PermissionRequest, promptAnswer, sessionUpdate } from "./messages.ts";
import { chosenOption } from "./permission.ts";
import { type Prompt, PromptQueue } from "./prompts.ts";
import type { HostState, WakeVerdict } from "./protocol.ts";
import { openSession, type OpenSession, SignInWanted } from "./session.ts";
import { Transcript } from "./transcript.ts";

/** An agent at its limit names no reset that we could read: it is asked again after this long. */
const limitMs = 5 * 60_000;
const mostQuestions = 16;
/** What an agent sends by itself also arrives while nothing runs: only these belong to a turn. */
const turnUpdates = ["agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"];

export interface ConversationOptions {
  options: HostOptions;
  token: string;
  mcpUrl: string;
  clock: Clock;
  /** Lines for the transcript. */
  print: (text: string) => void;
  /** The state, or what a person is asked, changed. */
  onChange: () => void;
}

interface Question {
  request: PermissionRequest;
  answer: (optionId: string | null) => void;
}

/** One session with the agent: prompts go one after the other, questions are a person's. */
export class Conversation {
  readonly #parts: ConversationOptions;
  readonly #transcript: Transcript;
  readonly #queue = new PromptQueue();
  readonly #questions: Question[] = [];
  #link: JsonRpcLink | null = null;
  #session: OpenSession | null = null;
  #limitedUntil = 0;
  #lastUpdateAt = 0;
  signIn: string | null = null;

  constructor(parts: ConversationOptions) {
    this.#parts = parts;
    this.#transcript = new Transcript(parts.print);
    if (parts.options.prompt !== null) this.#queue.add(parts.options.prompt);
  }

  get state(): HostState {
    const { sessionId = null, canResume = false } = this.#session ?? {};
    return { isOpen: this.#session !== null, sessionId, canResume, ...this.#activity() };
  }

  get agentTitle(): string {
    return this.#session?.agent ?? "";
  }

  /** What a person has to answer first. */
  get question(): PermissionRequest | null {
    return this.#questions[0]?.request ?? null;
  }

  /** Opens the session, and prompts from then on. Throws what the agent says against it. */
  async open(link: JsonRpcLink): Promise<void> {
    const { options, token, mcpUrl, clock } = this.#parts;
    this.#link = link;
    this.signIn = null;
    this.#parts.onChange();
    try {
      const isQuiet = (forMs: number): boolean => clock.now() - this.#lastUpdateAt >= forMs;
      this.#session = await openSession({ link, options, token, mcpUrl, clock, isQuiet });
    } catch (error) {
      if (!(error instanceof SignInWanted)) throw error;
      this.signIn = error.message;
    }
    this.#transcript.flush();
    this.#parts.onChange();
    void this.#next();
  }

  /** By a person. Null when too many wait. */
  submit(text: string): Prompt | null {
    const prompt = this.#queue.add(text);
    void this.#next();
    return prompt;
  }

  /** By our node. `queued`: it will be prompted, after what runs now. */
  async wake(text: string): Promise<WakeVerdict> {
    if (this.#session === null) return "refused";
    const prompt = this.submit(text);
    if (prompt === null) return "refused";
    return this.#queue.running === prompt ? prompt.taken : "queued";
  }

  cancelTurn(): void {
    if (this.#queue.running === null || this.#session === null) return;
    this.#link?.notify("session/cancel", { sessionId: this.#session.sessionId });
    for (const { answer } of this.#questions.splice(0)) answer(null);
    this.#parts.onChange();
  }

  answer(optionId: string): void {
    this.#questions.shift()?.answer(optionId);
    this.#parts.onChange();
  }

  note(text: string): void {
    this.#transcript.note(text);
  }

  hearNotification(method: string, params: unknown): void {
    const { data } = sessionUpdate.safeParse(params);
    if (method !== "session/update" || data === undefined) return;
    this.#lastUpdateAt = this.#parts.clock.now();
    if (turnUpdates.includes(data.update.sessionUpdate)) this.#noteStart();
    this.#transcript.update(data.update);
  }

  async answerRequest(method: string, params: unknown): Promise<unknown> {
    if (method !== "session/request_permission") throw unknownMethod(method);
    const request = permissionRequest.parse(params);
    this.#noteStart();
    const chosen = chosenOption(request, this.#parts.options.allow) ?? (await this.#ask(request));
    return {
      outcome: chosen === null ? { outcome: "cancelled" } : { outcome: "selected", optionId: chosen },
    };
  }

  #activity(): Pick<HostState, "activity" | "dialog" | "limitedUntil"> {
    if (this.signIn !== null) return { activity: "dialog", dialog: "login" };
    if (this.#questions.length > 0) return { activity: "dialog", dialog: "permission" };
    if (this.#session === null || this.#queue.running !== null) return { activity: "busy" };
    if (this.#limitedUntil <= this.#parts.clock.now()) return { activity: "idle" };
    return { activity: "limited", limitedUntil: this.#limitedUntil };
  }

  #ask(request: PermissionRequest): Promise<string | null> {
    if (this.#questions.length >= mostQuestions) return Promise.resolve(null);
    return new Promise((answer) => {
      this.#questions.push({ request, answer });
      this.#parts.onChange();
    });
  }

  async #next(): Promise<void> {
    const [link, session] = [this.#link, this.#session];
    if (link === null || session === null) return;
    for (let prompt = this.#queue.begin(); prompt !== null; prompt = this.#queue.begin()) {
      this.#limitedUntil = 0;
      this.#parts.onChange();
      await this.#runTurn(link, session.sessionId, prompt);
      for (const { answer } of this.#questions.splice(0)) answer(null);
      this.#queue.running = null;
    }
    this.#parts.onChange();
  }

  async #runTurn(link: JsonRpcLink, sessionId: string, prompt: Prompt): Promise<void> {
    // What is not on record must not leave.
    if (!this.#journal(prompt, "sent")) return prompt.refuse();
    try {
      this.#transcript.prompt(prompt.text);
      const content = [{ type: "text", text: prompt.text }];
      const { stopReason } = promptAnswer.parse(
        await link.call("session/prompt", { sessionId, prompt: content }),
      );
      prompt.start();
      this.#journal(prompt, "ended", stopReason);
      if (stopReason !== "end_turn") this.#transcript.note(`the turn stopped: ${stopReason}`);
    } catch (error) {
      this.#noteFailure(prompt, error);
    }
    this.#transcript.flush();
  }

  #noteFailure(prompt: Prompt, error: unknown): void {
    const reason = error instanceof RpcRefusal ? reasonOf(error) : String(error);
    if (isNeverTaken(error) || !(error instanceof RpcRefusal)) prompt.refuse();
    else prompt.start();
    this.#journal(prompt, "ended", reason.slice(0, 300));
    this.#transcript.note(reason);
    if (!(error instanceof RpcRefusal) || !isUsageLimit(error)) return;
    this.#limitedUntil = this.#parts.clock.now() + limitMs;
    this.#parts.clock.after(limitMs + 1, () => this.#parts.onChange());
  }

  #noteStart(): void {
    const { running } = this.#queue;
    if (running === null || running.isStarted) return;
    running.start();
    this.#journal(running, "started");
  }

  #journal({ wakeId }: Prompt, event: JournalEntry["event"], how?: string): boolean {
    if (wakeId === null) return true;
    const { options, clock } = this.#parts;
    try {
      noteWake(options.journalPath, {
        wakeId,
        event,
        at: clock.now(),
        ...(how === undefined ? {} : { how }),
      });
      return true;
    } catch (error) {
      this.#transcript.note(`the journal cannot be written: ${String(error)}`);
      return false;
    }
  }
}
