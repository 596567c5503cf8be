import type { Outcome, SimWorld } from "./contract.ts";
import { isWakeLine } from "../../adapters/ports/wake-line.ts";
import type { LaunchRequest } from "../../runtime/terminal.ts";
import { AgentProgram, type Mode } from "./agent-program.ts";
import { callPatiently } from "./calls.ts";

interface Place {
  host: string;
  placeId: string;
  agentId: string;
  token: string;
  session: string | null;
  program: AgentProgram;
}

const reactions = [
  "reads",
  "reads",
  "reads",
  "readsHalf",
  "readsLate",
  "ignores",
  "hangs",
  "dies",
  "reachesLimit",
  "asksPermission",
  "swallowsEnter",
] as const;
type Reaction = (typeof reactions)[number];

/** The agents behind the terminals: what they do once a line is submitted to them. */
export class Agents {
  readonly #world: SimWorld;
  readonly #tokens = new Map<string, string>();

  constructor(world: SimWorld) {
    this.#world = world;
  }

  /** A token that the agent holds for as long as it likes. */
  tokenOf(agentId: string): string {
    const known = this.#tokens.get(agentId);
    if (known !== undefined) return known;
    const token = this.#world.tokens.issue({ agentId, role: "participant", sessionId: `s-${agentId}` });
    this.#tokens.set(agentId, token);
    return token;
  }

  startProgram(host: string, { runtimeId, env, argv }: LaunchRequest): AgentProgram {
    const program = new AgentProgram((line) => this.#submitted(place, line));
    const agentId = env["ROUSE_AGENT"] ?? "cy";
    const token = env["ROUSE_TOKEN"] ?? this.tokenOf(agentId);
    const place: Place = {
      host,
      placeId: runtimeId,
      agentId,
      token,
      session: env["ROUSE_SESSION"] ?? null,
      program,
    };
    const prompt = argv.find((argument) => argument.includes("[rouse ")) ?? null;
    this.#world.go(() => this.#comeUp(place, prompt));
    return program;
  }

  async #comeUp(place: Place, prompt: string | null): Promise<void> {
    const { choices } = this.#world;
    await this.#world.sleep(choices.between(streamOf(place), 50, 1_000));
    if (!this.#world.isCalm && choices.chance(streamOf(place), 0.1)) return this.#end(place, 1);
    this.#show(place, "idle");
    if (prompt !== null) this.#submitted(place, prompt.split("\n").at(-1) ?? "");
  }

  #submitted(place: Place, line: string): void {
    this.#world.note(this.#world.people, `${place.placeId} is told: ${line}`);
    this.#world.go(() => (isWakeLine(line) ? this.#wake(place, line) : this.#work(place)));
  }

  /** A person's own line. */
  async #work(place: Place): Promise<void> {
    this.#show(place, "busy");
    await this.#world.sleep(this.#world.choices.between(streamOf(place), 100, 5_000));
    this.#show(place, "idle");
  }

  async #wake(place: Place, line: string): Promise<void> {
    const { choices, isCalm } = this.#world;
    const stream = streamOf(place);
    const reaction: Reaction = isCalm ? "reads" : choices.one(stream, reactions);
    this.#show(place, "busy");
    await this.#world.sleep(choices.between(stream, 50, 1_500));
    const threadId = /in thread ([a-z0-9-]+):/u.exec(line)?.[1] ?? "t-1";
    switch (reaction) {
      case "reads":
        return this.#read(place, threadId);
      case "readsHalf":
        return this.#read(place, threadId, { half: true });
      case "readsLate":
        await this.#world.sleep(choices.between(stream, 5_000, 20_000));
        return this.#read(place, threadId);
      case "ignores":
        return this.#show(place, "idle");
      case "hangs":
        return undefined;
      case "dies":
        return this.#end(place, choices.pick(stream, 2));
      case "reachesLimit":
        return this.#show(place, "limited");
      case "asksPermission":
        return this.#show(place, "dialog");
      case "swallowsEnter":
        place.program.deafFor = 2;
        return this.#show(place, "idle");
    }
  }

  async #read(place: Place, threadId: string, { half = false } = {}): Promise<void> {
    const { world, stream } = { world: this.#world, stream: streamOf(place) };
    const call = (name: string, input: object): Promise<Outcome> =>
      callPatiently(world, { stream, token: place.token, name, input });
    await call(
      "heartbeat_session",
      place.session === null ? {} : { session_id: place.session, host: place.host },
    );
    const read = await call("read_messages", { thread_id: threadId });
    if (read.type === "done") {
      const { messages } = read.result as { messages: { seq: number }[] };
      const kept = half ? messages.slice(0, Math.ceil(messages.length / 2)) : messages;
      const seq = kept.at(-1)?.seq ?? 0;
      await call("ack_read", { thread_id: threadId, seq });
      // A client that lost its place says something old again.
      if (world.choices.chance(stream, 0.15))
        await call("ack_read", { thread_id: threadId, seq: Math.min(seq, 1) });
    }
    this.#show(place, "idle");
  }

  #show(place: Place, mode: Mode): void {
    if (this.#world.programIn(place.host, place.placeId) !== place.program) return;
    place.program.mode = mode;
    this.#world.repaint(place.host, place.placeId);
  }

  #end(place: Place, exitCode: number): void {
    if (this.#world.programIn(place.host, place.placeId) !== place.program) return;
    this.#world.touched(place.host, place.placeId);
    this.#world.note(this.#world.people, `${place.placeId} exits with ${exitCode}`);
    this.#world.hostOf(place.host).scripted.programEnds(place.placeId, exitCode);
  }
}

function streamOf({ agentId }: Place): string {
  return `agent:${agentId}`;
}
