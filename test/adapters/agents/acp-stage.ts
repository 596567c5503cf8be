import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type {
  AgentProgram,
  LaunchIdentity,
  RunningProgram,
  SourceReport,
} from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import type { DeliverWakeOutput } from "../../../machines/participant/ports.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { until } from "../../network/until.ts";
import { type Person, seatPerson } from "../terminals/person.ts";

const fake = join(import.meta.dirname, "../../fixtures/fake-acp-agent.ts");
const startsWithinMs = 60_000;

export const wakeText = (wakeId: string): string =>
  `[rouse ${wakeId}] 1 unread in thread th-1: call read_messages, then ack_read.`;

/** Our host in one of our terminals, with a scripted agent below it. */
export class AcpStage {
  readonly folder: string;
  readonly log: string;
  readonly terminal: Terminal;
  readonly reports: SourceReport[] = [];
  readonly #listening = new AbortController();
  readonly #people: Person[] = [];
  #root: string;
  #address: TerminalAddress | null = null;

  constructor() {
    this.#root = mkdtempSync(join(tmpdir(), "acp-"));
    this.folder = join(this.#root, "agent");
    mkdirSync(this.folder, { mode: 0o700 });
    this.log = join(this.#root, "log");
    writeFileSync(this.log, "");
    this.terminal = createPtyTerminal({ folder: join(this.#root, "t"), clock: systemClock });
  }

  get address(): TerminalAddress {
    if (this.#address === null) throw new Error("nothing was launched");
    return this.#address;
  }

  get running(): RunningProgram {
    const { pid } = this.address;
    return { runtimeId: "rt-1", agentId: "ann", sessionId: null, pid, cwd: "/", folder: this.folder };
  }

  program(definition: object = {}, start = ""): AgentProgram {
    const command = [process.execPath, "--no-warnings", fake];
    const env = { FAKE_LOG: this.log, FAKE_START: start };
    return readAgentProgram(agentKinds, "acp", { command, cwd: this.#root, env, ...definition });
  }

  async launch(
    parts: { definition?: object; start?: string; plan?: Partial<LaunchPlan> } = {},
  ): Promise<void> {
    const identity: LaunchIdentity = {
      ...{
        workspaceId: "w",
        agentId: "ann",
        runtimeId: "rt-1",
        mcpUrl: "http://127.0.0.1:1/mcp",
        stdioServer: { command: "rouse", args: ["mcp"], env: {} },
      },
      ...{ credential: { token: "secret-token" }, folder: this.folder, baseEnv: process.env },
    };
    const program = this.program(parts.definition, parts.start);
    await program.prepare?.(identity, this.folder);
    const plan = { purpose: "start", sessionId: null, prompt: null, ...parts.plan } as const;
    const { argv, cwd, env } = program.launch(plan, identity);
    this.#address = await this.terminal.launch({ runtimeId: "rt-1", argv, cwd, env });
  }

  /** Launched, and idle by its own word. */
  async open(parts: Parameters<AcpStage["launch"]>[0] = {}): Promise<void> {
    await this.launch(parts);
    await until("the host to listen", startsWithinMs, () => {
      this.program()
        .observe?.(this.running, (report) => this.reports.push(report), this.#listening.signal)
        .catch(() => {});
      return this.reports.length > 0;
    });
    await this.untilTold("idle");
  }

  async untilTold(activity: SourceReport["activity"]): Promise<void> {
    await until(
      `it to be ${activity}`,
      startsWithinMs,
      () => this.reports.at(-1)?.activity === activity,
    ).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.screen()}`);
    });
  }

  async untilShown(text: string | RegExp): Promise<void> {
    await until(`it to show ${String(text)}`, startsWithinMs, async () => {
      const screen = await this.screen();
      return typeof text === "string" ? screen.includes(text) : text.test(screen);
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}\n${await this.screen()}`);
    });
  }

  async screen(): Promise<string> {
    return (await this.terminal.view(this.address)).lines.join("\n").trimEnd();
  }

  async seat(): Promise<Person> {
    const person = seatPerson(this.terminal.attachCommand(this.address), { cols: 100, rows: 30 });
    this.#people.push(person);
    // Keys of somebody who is not seated yet go through a line discipline first.
    const isSeated = async () => (await this.terminal.view(this.address)).viewers === this.#people.length;
    await until("a person to be seated", startsWithinMs, isSeated);
    return person;
  }

  async deliver(wakeId: string, text = wakeText(wakeId)): Promise<DeliverWakeOutput | undefined> {
    const io = {
      beforeFirstByte: () => Promise.resolve(),
      signal: this.#listening.signal,
      clock: systemClock,
    };
    return this.program().channels?.[0]?.deliver(this.running, { wakeId, text }, io);
  }

  /** What the agent was asked, in order. */
  asked(): string[] {
    return readFileSync(this.log, "utf8").split("\n").filter(Boolean);
  }

  async close(): Promise<void> {
    this.#listening.abort();
    for (const person of this.#people) await person.leave().catch(() => {});
    if (this.#address !== null) await this.terminal.kill(this.#address);
    await this.terminal.close();
    rmSync(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}
