import type { Payloads } from "../../api/cli/payloads.ts";
import type { OperationName } from "../../api/cli/routes.ts";
import type { Terminal, TerminalAddress, TerminalView } from "../../runtime/terminal.ts";
import { type Person, seatPerson } from "../adapters/terminals/person.ts";
import { until } from "../network/until.ts";

type Runtime = Payloads["get_runtime"]["runtime"];

/** What a player needs of its stage. */
interface Surroundings {
  call<Name extends OperationName>(name: Name, input?: Record<string, unknown>): Promise<Payloads[Name]>;
  terminal: Terminal;
}

/** Programs of this size need their time on a busy machine. */
const startsWithinMs = 120_000;

/** A real agent program in a terminal of the stage, seen and touched from outside. */
export class Player {
  readonly agentId: string;
  readonly cwd: string;
  readonly #stage: Surroundings;
  readonly #people: Person[] = [];

  constructor(stage: Surroundings, parts: { agentId: string; cwd: string }) {
    this.#stage = stage;
    this.agentId = parts.agentId;
    this.cwd = parts.cwd;
  }

  async launch(): Promise<Runtime> {
    await this.#stage.call("register_runtime", { agent_id: this.agentId, mode: "launch" });
    return until(`${this.agentId} to have a terminal`, startsWithinMs, async () => {
      const runtime = await this.runtime();
      return runtime !== null && runtime.target !== null ? runtime : null;
    });
  }

  /** The one that was registered last and lives. */
  async runtime(): Promise<Runtime | null> {
    const { runtimes } = await this.#stage.call("list_runtimes", { agent_id: this.agentId });
    const living = runtimes.filter(({ state }) => state !== "deregistered" && state !== "dead");
    return living.at(-1) ?? null;
  }

  async untilState(...states: readonly string[]): Promise<void> {
    const seen: string[] = [];
    await until(`${this.agentId} to be ${states.join(" or ")}`, startsWithinMs, async () => {
      const state = (await this.runtime())?.state ?? "gone";
      if (seen.at(-1) !== state) seen.push(state);
      return states.includes(state);
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}; it was ${seen.join(", ")}\n${await this.screen()}`);
    });
  }

  async terminal(): Promise<{ terminal: Terminal; address: TerminalAddress }> {
    const runtime = await this.runtime();
    const terminal = this.#stage.terminal;
    const address = runtime === null ? null : await terminal.find(runtime.runtime_id);
    if (address === null) throw new Error(`${this.agentId} has no terminal`);
    return { terminal, address };
  }

  async view(): Promise<TerminalView> {
    const { terminal, address } = await this.terminal();
    return terminal.view(address);
  }

  /** What a person would see. */
  async screen(): Promise<string> {
    try {
      const { lines } = await this.view();
      return lines.join("\n").trimEnd();
    } catch (error) {
      return `(no screen: ${String(error)})`;
    }
  }

  async untilShown(pattern: RegExp): Promise<void> {
    await until(`${this.agentId} to show ${pattern.source}`, startsWithinMs, async () => {
      return pattern.test(await this.screen());
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.screen()}`);
    });
  }

  /** Somebody sits down in front of it; their keys go where theirs go. */
  async seat(): Promise<Person> {
    const { terminal, address } = await this.terminal();
    const person = seatPerson(terminal.attachCommand(address), { cols: 160, rows: 48 });
    this.#people.push(person);
    await until("a person to be seated", 60_000, async () => (await terminal.view(address)).viewers > 0);
    return person;
  }

  async leaveAll(): Promise<void> {
    for (const person of this.#people.splice(0)) await person.leave().catch(() => {});
  }
}
