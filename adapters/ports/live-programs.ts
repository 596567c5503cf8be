import type { AgentProgram, RunningProgram, WakeChannel } from "../agents/kind.ts";
import { createScreenReader, type ScreenReader } from "../terminals/patterns.ts";

type Standing = "proven" | "failed";

/** Without patterns nothing on a screen can be told apart, so nothing is typed. */
export const unreadable: ScreenReader = () => ({ activity: "unknown", draft: null, bareShell: false });

const programsKept = 1_000;

/** What this process has learned of the programs that run on this host. Kept in memory: all of it can be asked again. */
export class LivePrograms {
  readonly #programs = new Map<string, { isKnown: boolean | null; channels: Map<string, Standing> }>();

  /** Whether our patterns were recorded with the version that runs. A running program never changes it. */
  async isKnown(runtimeId: string, program: AgentProgram, signal: AbortSignal): Promise<boolean> {
    if (program.version === undefined) return true;
    const learned = this.#get(runtimeId);
    learned.isKnown ??= (await program.version(signal))?.known ?? null;
    return learned.isKnown === true;
  }

  async reader(runtimeId: string, program: AgentProgram, signal: AbortSignal): Promise<ScreenReader> {
    const isKnown = await this.isKnown(runtimeId, program, signal);
    return isKnown ? createScreenReader(program.patterns) : unreadable;
  }

  /** Best first, but what failed last comes after everything else. */
  inOrder(runtimeId: string, channels: readonly WakeChannel[]): readonly WakeChannel[] {
    const { channels: standings } = this.#get(runtimeId);
    const hasFailed = ({ name }: WakeChannel) => (standings.get(name) === "failed" ? 1 : 0);
    return channels.toSorted((one, other) => hasFailed(one) - hasFailed(other));
  }

  /** Asks the channel itself, unless it has worked since. */
  async isUsable(program: RunningProgram, channel: WakeChannel, signal: AbortSignal): Promise<boolean> {
    if (this.#get(program.runtimeId).channels.get(channel.name) === "proven") return true;
    const { usable } = await channel.probe(program, signal);
    return usable;
  }

  note(runtimeId: string, { name }: WakeChannel, standing: Standing): void {
    this.#get(runtimeId).channels.set(name, standing);
  }

  forget(runtimeId: string): void {
    this.#programs.delete(runtimeId);
  }

  #get(runtimeId: string) {
    const known = this.#programs.get(runtimeId);
    if (known !== undefined) return known;
    const [oldest] = this.#programs.keys();
    if (oldest !== undefined && this.#programs.size >= programsKept) this.#programs.delete(oldest);
    const fresh = { isKnown: null, channels: new Map<string, Standing>() };
    this.#programs.set(runtimeId, fresh);
    return fresh;
  }
}
