import { delay, type Clock } from "../../runtime/clock.ts";
import type { AgentProgram, RunningProgram, SourceReport } from "../agents/kind.ts";

export interface ToldReport {
  report: SourceReport;
  /** Epoch ms. */
  at: number;
}

/** A source that failed is asked again after this long. */
const askAgainMs = 5_000;

/** The program's own word on what it does, as far as it has one. */
export class ProgramSource {
  readonly #clock: Clock;
  readonly #onNews: () => void;
  #last: ToldReport | null = null;

  constructor(clock: Clock, onNews: () => void) {
    this.#clock = clock;
    this.#onNews = onNews;
  }

  get last(): ToldReport | null {
    return this.#last;
  }

  /** Listens until the program has nothing more to tell, or `signal` ends. Never throws: the screen is read beside it. */
  async listen(agent: AgentProgram, program: RunningProgram, signal: AbortSignal): Promise<void> {
    if (agent.observe === undefined) return;
    while (!signal.aborted) {
      const hasFailed = await this.#hear(agent, program, signal)
        .then(() => false)
        .catch(() => true);
      this.#last = null;
      if (!hasFailed) return;
      await delay(this.#clock, askAgainMs, signal);
    }
  }

  /** Async, so that a source which throws at once fails like any other. */
  async #hear(agent: AgentProgram, program: RunningProgram, signal: AbortSignal): Promise<void> {
    await agent.observe?.(program, (report) => this.#note(report, signal), signal);
  }

  #note(report: SourceReport, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#last = { report, at: this.#clock.now() };
    this.#onNews();
  }
}
